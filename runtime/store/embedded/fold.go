package embedded

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Fold implements store.Log.
func (s *Store) Fold(ctx context.Context, c store.Conv, entries []*logpb.Entry) error {
	return store.FoldBy(ctx, c, entries, s.changeBatch)
}

// RedactEdits implements store.Purges.
func (s *Store) RedactEdits(ctx context.Context, c store.Conv, seqs ...uint64) error {
	return store.RedactBy(ctx, c, seqs, s.changeBatch)
}

// changeBatch implements store.ChangeBatch: under the conversation's lock nothing comes in between.
func (s *Store) changeBatch(ctx context.Context, c store.Conv, seq uint64, change func(*logpb.Batch) bool) error {
	unlock, err := s.lockConv(ctx, c, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	k, v, err := s.holding(ctx, c, seq)
	if err != nil || k == nil {
		return err
	}
	st, err := decodeStored(v)
	if err != nil || fold.Entry(st.Batch, seq) == nil || !change(st.Batch) {
		return err
	}
	if v, err = encodeStored(st); err != nil {
		return err
	}
	return s.commit(func(w *pebble.Batch) error {
		if err := w.Set(k, v, nil); err != nil {
			return fmt.Errorf("write embedded store: %w", err)
		}
		return nil
	})
}

// holding returns a copy of the last batch that starts at seq or before it in its bucket, nothing where there is none.
func (s *Store) holding(ctx context.Context, c store.Conv, seq uint64) (k, v []byte, err error) {
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: batchKey(c, store.ReadFrom(seq)), UpperBound: batchKey(c, seq+1),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read embedded store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Last() {
		return nil, nil, it.Error()
	}
	if v, err = it.ValueAndErr(); err != nil {
		return nil, nil, fmt.Errorf("read embedded store: %w", err)
	}
	return append([]byte(nil), it.Key()...), append([]byte(nil), v...), nil
}
