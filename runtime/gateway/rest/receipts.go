package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// maxReceiptsPage is smaller than other pages: each receipt costs a read.
	maxReceiptsPage = 64
	receiptReads    = 16
)

// getReceipts says with which members a message has come, and who has read it: of those who may see it, but its sender.
func (a *API) getReceipts(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	seq, err := c.target()
	if err != nil {
		return reply{}, err
	}
	limit, err := c.pageSize(maxReceiptsPage)
	if err != nil {
		return reply{}, err
	}
	limit = min(limit, maxReceiptsPage)
	after, err := c.cursorAfter()
	if err != nil {
		return reply{}, err
	}
	if _, err := a.present(c.Context(), c.User, v); err != nil {
		return reply{}, err
	}
	sender, err := a.sender(c, v, seq)
	if err != nil {
		return reply{}, err
	}
	all, err := a.o.Store.Members(c.Context(), v)
	if err != nil {
		return reply{}, fmt.Errorf("read the members: %w", err)
	}
	out := protocol.Receipts{Receipts: []protocol.Receipt{}}
	var users []store.User
	for _, m := range all {
		if m.Left != 0 || m.Joined > seq || m.User.ID() == sender || m.User.ID() <= after {
			continue
		}
		if len(users) == limit {
			out.Next = idCursor(users[limit-1].ID())
			break
		}
		users = append(users, m.User)
	}
	marks, err := a.marksOf(c.Context(), v, users)
	if err != nil {
		return reply{}, err
	}
	for i, u := range users {
		out.Receipts = append(out.Receipts, protocol.Receipt{
			User: u.ID(), Delivered: max(marks[i].Delivered, marks[i].Read) >= seq, Read: marks[i].Read >= seq,
		})
	}
	return reply{status: http.StatusOK, body: out}, nil
}

// sender is whose message it is that the user may see at seq.
func (a *API) sender(c *call, v store.Conv, seq uint64) (string, error) {
	after := seq - 1
	page, err := a.o.History.History(c.Context(), c.User, v, &after, nil, 1)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", errNotMember
	case err != nil:
		return "", fmt.Errorf("read the message: %w", err)
	case len(page.Entries) == 0 || page.Entries[0].Seq != seq || page.Entries[0].Kind != protocol.KindMessage:
		return "", refuse(protocol.CodeNotFound, "no such message")
	}
	return page.Entries[0].Sender, nil
}

// marksOf is how far each of the users has come, on the device that has come furthest.
func (a *API) marksOf(ctx context.Context, v store.Conv, users []store.User) ([]Mark, error) {
	marks := make([]Mark, len(users))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(receiptReads)
	for i, u := range users {
		group.Go(func() error {
			m, err := a.o.Marks.UserMark(ctx, u, v)
			marks[i] = m
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	return marks, nil
}
