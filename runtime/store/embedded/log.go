package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Append implements store.Log.
func (s *Store) Append(ctx context.Context, c store.Conv, b *logpb.Batch, o store.AppendOptions) error {
	if err := store.CheckBatch(b); err != nil {
		return err
	}
	unlock, err := s.lockConv(ctx, c, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	return s.commit(func(w *pebble.Batch) error { return s.putBatch(w, c, b, o) })
}

// putBatch adds the log's part of a write to w, or returns store.ErrTaken. The caller holds the conversation's lock.
func (s *Store) putBatch(w *pebble.Batch, c store.Conv, b *logpb.Batch, o store.AppendOptions) error {
	if err := s.claim(c, store.First(b)); err != nil {
		return err
	}
	v, err := encodeStored(store.Stored{Batch: b, ExpiresAt: o.ExpiresAt, Outbox: o.Outbox})
	if err != nil {
		return err
	}
	if o.Outbox {
		if err := w.Set(outboxKey(c, store.First(b)), nil, nil); err != nil {
			return fmt.Errorf("write embedded store: %w", err)
		}
	}
	if err := w.Set(batchKey(c, store.First(b)), v, nil); err != nil {
		return fmt.Errorf("write embedded store: %w", err)
	}
	return nil
}

// Read implements store.Log.
func (s *Store) Read(ctx context.Context, c store.Conv, from uint64, limit int) (_ []store.Stored, err error) {
	from = max(from, 1)
	unlock, err := s.lockConv(ctx, c, 1)
	if err != nil {
		return nil, err
	}
	defer unlock()
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: batchKey(c, store.ReadFrom(from)),
		UpperBound: batchKey(c, store.BucketEnd(from)+1),
	})
	if err != nil {
		return nil, fmt.Errorf("read embedded store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	var found []store.Stored
	for ok := it.First(); ok && len(found) < limit; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("read embedded store: %w", err)
		}
		st, err := decodeStored(v)
		if err != nil {
			return nil, err
		}
		if store.Last(st.Batch) >= from {
			found = append(found, st)
		}
	}
	return found, nil
}

// MarkOutbox implements store.Log.
func (s *Store) MarkOutbox(ctx context.Context, c store.Conv, first uint64) error {
	return s.setOutbox(ctx, c, first, true)
}

// ClearOutbox implements store.Log.
func (s *Store) ClearOutbox(ctx context.Context, c store.Conv, first uint64) error {
	err := s.setOutbox(ctx, c, first, false)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func (s *Store) setOutbox(ctx context.Context, c store.Conv, first uint64, owed bool) error {
	unlock, err := s.lockConv(ctx, c, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	v, err := get(s.db, batchKey(c, first))
	if err != nil {
		return err
	}
	st, err := decodeStored(v)
	if err != nil || st.Outbox == owed {
		return err
	}
	st.Outbox = owed
	if v, err = encodeStored(st); err != nil {
		return err
	}
	return s.commit(func(w *pebble.Batch) error {
		change := w.Delete(outboxKey(c, first), nil)
		if owed {
			change = w.Set(outboxKey(c, first), nil, nil)
		}
		return errors.Join(change, w.Set(batchKey(c, first), v, nil))
	})
}

// Outbox implements store.Log.
func (s *Store) Outbox(ctx context.Context, shard, limit int) (_ []store.Owed, err error) {
	if shard < 0 || shard >= store.OutboxShards {
		return nil, fmt.Errorf("%w: outbox shard %d", store.ErrInvalid, shard)
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	snap := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, snap.Close()) }()
	it, err := snap.NewIterWithContext(ctx, below(outboxPrefix(shard)))
	if err != nil {
		return nil, fmt.Errorf("read embedded store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	var owed []store.Owed
	for ok := it.First(); ok && len(owed) < limit; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, first, err := parseOutboxKey(it.Key())
		if err != nil {
			return nil, err
		}
		v, err := get(snap, batchKey(c, first))
		if err != nil {
			return nil, err
		}
		st, err := decodeStored(v)
		if err != nil {
			return nil, err
		}
		owed = append(owed, store.Owed{Conv: c, First: first, Batch: st.Batch})
	}
	return owed, nil
}

// A stored batch is a flag byte, the expiry in Unix seconds (8 bytes, 0: never) and the batch.
const storedHeader = 1 + 8

func encodeStored(st store.Stored) ([]byte, error) {
	v := make([]byte, storedHeader, storedHeader+proto.Size(st.Batch))
	if st.Outbox {
		v[0] = 1
	}
	if !st.ExpiresAt.IsZero() {
		binary.BigEndian.PutUint64(v[1:], uint64(st.ExpiresAt.Unix()))
	}
	v, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(v, st.Batch)
	if err != nil {
		return nil, fmt.Errorf("%w: encode batch: %w", store.ErrInvalid, err)
	}
	return v, nil
}

func decodeStored(v []byte) (store.Stored, error) {
	if len(v) < storedHeader {
		return store.Stored{}, fmt.Errorf("embedded store: a batch of %d bytes", len(v))
	}
	st := store.Stored{Batch: &logpb.Batch{}, Outbox: v[0] == 1}
	if at := int64(binary.BigEndian.Uint64(v[1:])); at != 0 {
		st.ExpiresAt = time.Unix(at, 0).UTC()
	}
	if err := proto.Unmarshal(v[storedHeader:], st.Batch); err != nil {
		return store.Stored{}, fmt.Errorf("embedded store: decode batch: %w", err)
	}
	if len(st.Batch.GetEntries()) == 0 {
		return store.Stored{}, errors.New("embedded store: a batch without entries")
	}
	return st, nil
}
