package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// ChangeBatch changes the stored batch that holds seq in one optimistic write, if there is one and change says that it has changed it.
// change may be called more than once, each time with what is stored then. What expires or is gone meanwhile is not written.
type ChangeBatch func(ctx context.Context, c Conv, seq uint64, change func(*logpb.Batch) bool) error

// FoldBy is Log.Fold by a store's own way to change a batch. A batch that many entries target is changed once.
func FoldBy(ctx context.Context, c Conv, entries []*logpb.Entry, change ChangeBatch) error {
	var rest []*logpb.Entry
	for _, e := range entries {
		if fold.Target(e) > 0 {
			rest = append(rest, e)
		}
	}
	slices.SortStableFunc(rest, func(a, b *logpb.Entry) int { return cmp.Compare(fold.Target(a), fold.Target(b)) })
	for len(rest) > 0 {
		n, err := foldFirst(ctx, c, rest, change)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return ctx.Err()
}

// foldFirst folds the entries that target the batch of the first one's target, and returns how many those are.
func foldFirst(ctx context.Context, c Conv, entries []*logpb.Entry, change ChangeBatch) (int, error) {
	n := 1
	redacted := map[uint64]bool{}
	for {
		var before, after []uint64
		err := change(ctx, c, fold.Target(entries[0]), func(b *logpb.Batch) bool {
			n = slices.IndexFunc(entries, func(e *logpb.Entry) bool { return fold.Target(e) > Last(b) })
			if n < 0 {
				n = len(entries)
			}
			var changed bool
			changed, before, after = fold.Batch(b, entries[:n], MaxFolded)
			elsewhere := func(seq uint64) bool {
				e := fold.Entry(b, seq)
				changed = (e != nil && fold.Redact(e)) || changed
				return e == nil && !redacted[seq]
			}
			before, after = keep(before, elsewhere), keep(after, elsewhere)
			// The batch waits for what must be redacted before it: a repetition would not say it again.
			return changed && len(before) == 0
		})
		if err != nil {
			return 0, err
		}
		due := before
		if len(before) == 0 {
			due = after
		}
		for _, seq := range due {
			if err := redact(ctx, c, seq, change); err != nil {
				return 0, err
			}
			redacted[seq] = true
		}
		if len(before) == 0 {
			return n, nil
		}
	}
}

func keep(seqs []uint64, which func(uint64) bool) []uint64 {
	return slices.DeleteFunc(seqs, func(seq uint64) bool { return !which(seq) })
}

// redact takes the body out of a stored edit.
func redact(ctx context.Context, c Conv, edit uint64, change ChangeBatch) error {
	return change(ctx, c, edit, func(b *logpb.Batch) bool {
		e := fold.Entry(b, edit)
		return e != nil && fold.Redact(e)
	})
}

// RedactBy is Purges.RedactEdits by a store's own way to change a batch.
func RedactBy(ctx context.Context, c Conv, seqs []uint64, change ChangeBatch) error {
	for _, seq := range seqs {
		if err := redact(ctx, c, seq, change); err != nil {
			return err
		}
	}
	return ctx.Err()
}
