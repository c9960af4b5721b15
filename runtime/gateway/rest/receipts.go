package rest

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxReceiptsPage is smaller than other pages: a receipt may cost a read.
const maxReceiptsPage = 64

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
	members, more, err := a.membersAfter(c.Context(), v, after, limit, func(m store.Member) bool { return m.Joined <= seq && m.User.ID() != sender })
	if err != nil {
		return reply{}, err
	}
	users := make([]store.User, len(members))
	for i, m := range members {
		users[i] = m.User
	}
	marks, err := a.o.Marks.MemberMarks(c.Context(), v, users, seq)
	if err != nil {
		return reply{}, fmt.Errorf("read marks: %w", err)
	}
	out := protocol.Receipts{Receipts: make([]protocol.Receipt, len(users))}
	for i, u := range users {
		out.Receipts[i] = protocol.Receipt{User: u.ID(), Delivered: max(marks[i].Delivered, marks[i].Read) >= seq, Read: marks[i].Read >= seq}
	}
	if more {
		out.Next = idCursor(users[len(users)-1].ID())
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
