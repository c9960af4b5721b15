package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Around returns the entry at seq with at most side entries before and after it, in order, as the log has them: no verdict covers a body. It is for
// moderators, who belong to no conversation. None are there when the conversation never was, or what is asked for is gone.
func (r *Reader) Around(ctx context.Context, c store.Conv, seq uint64, side int) ([]*logpb.Entry, error) {
	if seq == 0 || seq >= open {
		return nil, nil
	}
	n := uint64(max(0, min(side, MaxLimit/2)))
	p := &page{r: r, conv: c}
	var err error
	for range rounds {
		lo := max(seq-min(n, seq-1), p.floor)
		if lo > seq {
			return nil, nil // it has outlived its retention
		}
		var entries []*logpb.Entry
		if entries, err = p.read(ctx, span{lo: lo, hi: min(seq+n, open)}); err == nil {
			fold.Page(entries)
			return entries, nil
		}
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if !errors.Is(err, errDropped) {
			break
		}
	}
	return nil, fmt.Errorf("history of %s: %w", c, err)
}
