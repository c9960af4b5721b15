package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// deferralRecord is a deferral: its key is for its order, the record has all of it.
type deferralRecord struct {
	Tenant       string `json:"tenant"`
	User         string `json:"user"`
	Device       string `json:"device"`
	Conversation string `json:"conversation"`
	DueMs        int64  `json:"dueMs"`
	Seq          uint64 `json:"seq"`
	Reserved     bool   `json:"reserved,omitempty"`
	Attempts     int    `json:"attempts,omitempty"`
}

func (r deferralRecord) deferral() (store.Deferral, error) {
	u, err := store.NewUser(store.Tenant(r.Tenant), r.User)
	if err != nil {
		return store.Deferral{}, fmt.Errorf("embedded store: deferral: %w", err)
	}
	c, err := store.NewConv(u.Tenant(), r.Conversation)
	if err != nil {
		return store.Deferral{}, fmt.Errorf("embedded store: deferral: %w", err)
	}
	return store.Deferral{
		User: u, Device: r.Device, Conv: c, Due: time.UnixMilli(r.DueMs).UTC(), Seq: r.Seq, Reserved: r.Reserved, Attempts: r.Attempts,
	}, nil
}

func deferralPrefix(shard int, dueMs int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindDeferral, byte(shard)}, uint64(dueMs))
}

func deferralKey(d store.Deferral) []byte {
	k := deferralPrefix(store.DeferralShard(d.User), d.Due.UnixMilli())
	return append(k, key(kindDeferral, string(d.User.Tenant()), d.User.ID(), d.Device, d.Conv.ID())...)
}

// Defer implements store.Deferrals.
func (s *Store) Defer(ctx context.Context, d store.Deferral) error {
	if err := d.Check(); err != nil {
		return err
	}
	unlock, err := s.lockUser(ctx, d.User, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := load[deferralRecord](s.db, deferralKey(d))
	switch {
	case errors.Is(err, store.ErrNotFound):
		rec = deferralRecord{
			Tenant: string(d.User.Tenant()), User: d.User.ID(), Device: d.Device, Conversation: d.Conv.ID(), DueMs: d.Due.UnixMilli(),
			Seq: d.Seq, Reserved: d.Reserved, Attempts: max(d.Attempts, 0),
		}
	case err != nil:
		return err
	case rec.Seq >= d.Seq:
		return nil
	default:
		rec.Seq = d.Seq
	}
	return s.commit(func(w *pebble.Batch) error { return save(w, deferralKey(d), rec) })
}

// Deferred implements store.Deferrals.
func (s *Store) Deferred(ctx context.Context, shard int, by time.Time, limit int) (found []store.Deferral, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if limit <= 0 {
		return nil, nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: deferralPrefix(shard, 0), UpperBound: deferralPrefix(shard, max(by.UnixMilli(), 0)+1)})
	if err != nil {
		return nil, fmt.Errorf("read embedded store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok && len(found) < limit; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("read embedded store: %w", err)
		}
		rec, err := decode[deferralRecord](v)
		if err != nil {
			return nil, err
		}
		d, err := rec.deferral()
		if err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	return found, ctx.Err()
}

// RemoveDeferral implements store.Deferrals.
func (s *Store) RemoveDeferral(ctx context.Context, d store.Deferral) error {
	if err := d.Check(); err != nil {
		return err
	}
	unlock, err := s.lockUser(ctx, d.User, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := load[deferralRecord](s.db, deferralKey(d))
	if errors.Is(err, store.ErrNotFound) || err == nil && rec.Seq > d.Seq {
		return nil
	}
	if err != nil {
		return err
	}
	return s.commit(func(w *pebble.Batch) error { return w.Delete(deferralKey(d), nil) })
}
