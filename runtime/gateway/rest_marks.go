package gateway

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// markReads is how many memberships one question reads at a time.
const markReads = 16

// restMarks are marks as REST raises and asks for them.
type restMarks struct{ g *Gateway }

// Mark implements rest.Marks. The store comes first; the cache, Kafka, and of what is news the other members are told as of any
// other mark. How large the conversation is the chat pod knows: it passes on what is worth it.
func (r restMarks) Mark(ctx context.Context, u store.User, v store.Conv, device string, m rest.Mark) error {
	old, err := r.g.o.Store.Membership(ctx, u, v)
	if err != nil {
		return fmt.Errorf("read the membership: %w", err)
	}
	var news rest.Mark
	if m.Delivered > old.Delivered[device] {
		if err := r.g.o.Store.RaiseDelivered(ctx, u, v, device, m.Delivered); err != nil {
			return fmt.Errorf("raise the delivered mark: %w", err)
		}
		news.Delivered = m.Delivered
	}
	if m.Read > old.Read {
		if err := r.g.o.Store.RaiseRead(ctx, u, v, m.Read); err != nil {
			return fmt.Errorf("raise the read mark: %w", err)
		}
		news.Read = m.Read
	}
	r.g.marks.raiseStored(u, v, device, m.Delivered, m.Read)
	if news != (rest.Mark{}) {
		r.g.receipts.add(u, v, device, news.Delivered, news.Read)
	}
	return nil
}

// MemberMarks implements rest.Marks. It asks the cache, and the store about those who, as far as the cache knows, have not read up
// to seq.
func (r restMarks) MemberMarks(ctx context.Context, v store.Conv, users []store.User, seq uint64) ([]rest.Mark, error) {
	marks := r.cached(ctx, v, users)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(markReads)
	for i, u := range users {
		if marks[i].Read >= seq {
			continue
		}
		group.Go(func() error {
			m, err := r.g.o.Store.Membership(ctx, u, v)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			marks[i] = further(marks[i], m.Read, m.Delivered)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("read the memberships: %w", err)
	}
	return marks, nil
}

// cached is what the cache knows, which may be nothing.
func (r restMarks) cached(ctx context.Context, v store.Conv, users []store.User) []rest.Mark {
	marks := make([]rest.Mark, len(users))
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	found, err := r.g.o.Marks.MemberMarks(ctx, v, users)
	if err != nil || len(found) != len(users) {
		r.g.m.cacheErrors.Inc()
		return marks
	}
	for i, m := range found {
		marks[i] = further(marks[i], m.Read, m.Delivered)
	}
	return marks
}

// further takes of each mark the higher.
func further(m rest.Mark, read uint64, delivered map[string]uint64) rest.Mark {
	m.Read = max(m.Read, read)
	for _, seq := range delivered {
		m.Delivered = max(m.Delivered, seq)
	}
	return m
}
