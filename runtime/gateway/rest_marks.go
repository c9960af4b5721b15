package gateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// restMarks are marks as REST raises and asks for them.
type restMarks struct{ g *Gateway }

// Mark implements rest.Marks. The store comes first; the cache and Kafka are told as of any other mark.
func (r restMarks) Mark(ctx context.Context, u store.User, v store.Conv, device string, m rest.Mark) error {
	if m.Delivered > 0 {
		if err := r.g.o.Store.RaiseDelivered(ctx, u, v, device, m.Delivered); err != nil {
			return fmt.Errorf("raise the delivered mark: %w", err)
		}
	}
	if m.Read > 0 {
		if err := r.g.o.Store.RaiseRead(ctx, u, v, m.Read); err != nil {
			return fmt.Errorf("raise the read mark: %w", err)
		}
	}
	r.g.marks.raiseStored(u, v, device, m.Delivered, m.Read)
	return nil
}

// UserMark implements rest.Marks. The cache may know newer marks than the store, or nothing.
func (r restMarks) UserMark(ctx context.Context, u store.User, v store.Conv) (rest.Mark, error) {
	m, err := r.g.o.Store.Membership(ctx, u, v)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return rest.Mark{}, fmt.Errorf("read the membership: %w", err)
	}
	out := rest.Mark{Read: m.Read}
	for _, seq := range m.Delivered {
		out.Delivered = max(out.Delivered, seq)
	}
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	cached, err := r.g.o.Marks.UserMark(ctx, u, v)
	if err != nil {
		r.g.m.cacheErrors.Inc()
		return out, nil
	}
	return rest.Mark{Delivered: max(out.Delivered, cached.Delivered), Read: max(out.Read, cached.Read)}, nil
}
