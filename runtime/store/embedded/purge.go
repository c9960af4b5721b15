package embedded

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// PurgeConversation implements store.Purges.
func (s *Store) PurgeConversation(ctx context.Context, c store.Conv, _ uint64) error {
	unlock, err := s.lockConv(ctx, c, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	members := key(kindMember, string(c.Tenant()), c.ID())
	return s.commit(func(w *pebble.Batch) error {
		err := list(s.db, members, func(id string, _ memberRecord) error {
			u, err := store.NewUser(c.Tenant(), id)
			return errors.Join(err, w.Delete(membershipKey(u, c), nil))
		})
		if err != nil {
			return err
		}
		owed := append(outboxPrefix(store.OutboxShard(c)), string(c.Tenant())+"\x00"+c.ID()+"\x00"...)
		for _, prefix := range [][]byte{members, owed, key(kindBatch, string(c.Tenant()), c.ID())} {
			if err := deletePrefix(w, prefix); err != nil {
				return err
			}
		}
		return w.Delete(conversationKey(c), nil)
	})
}

// PurgeUser implements store.Purges.
func (s *Store) PurgeUser(ctx context.Context, u store.User) error {
	unlock, err := s.lockUser(ctx, u, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	return s.commit(func(w *pebble.Batch) error {
		return errors.Join(
			deletePrefix(w, key(kindMembership, string(u.Tenant()), u.ID())),
			deletePrefix(w, key(kindDevice, string(u.Tenant()), u.ID())),
		)
	})
}

// PurgeDevices implements store.Purges.
func (s *Store) PurgeDevices(ctx context.Context, t store.Tenant) (deleted int, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	err = s.commit(func(w *pebble.Batch) error {
		devices := key(kindDevice, string(t))
		deferrals := []byte{kindDeferral}
		return errors.Join(
			s.each(devices, func(k, _ []byte) error {
				deleted++
				return errors.Join(ctx.Err(), w.Delete(k, nil))
			}),
			s.each(deferrals, func(k, v []byte) error {
				rec, err := decode[deferralRecord](v)
				if err != nil || store.Tenant(rec.Tenant) != t {
					return errors.Join(ctx.Err(), err)
				}
				deleted++
				return w.Delete(k, nil)
			}),
		)
	})
	return deleted, err
}

// PurgeDeferrals implements store.Purges.
func (s *Store) PurgeDeferrals(ctx context.Context, u store.User) (deleted int, err error) {
	unlock, err := s.lockUser(ctx, u, exclusive)
	if err != nil {
		return 0, err
	}
	defer unlock()
	err = s.commit(func(w *pebble.Batch) error {
		return s.each([]byte{kindDeferral}, func(k, v []byte) error {
			rec, err := decode[deferralRecord](v)
			if err != nil || store.Tenant(rec.Tenant) != u.Tenant() || rec.User != u.ID() {
				return errors.Join(ctx.Err(), err)
			}
			deleted++
			return w.Delete(k, nil)
		})
	})
	return deleted, err
}

// each calls f for every key with the prefix; what it is given is valid during the call.
func (s *Store) each(prefix []byte, f func(k, v []byte) error) (err error) {
	it, err := s.db.NewIter(below(prefix))
	if err != nil {
		return fmt.Errorf("read embedded store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read embedded store: %w", err)
		}
		if err := f(it.Key(), v); err != nil {
			return err
		}
	}
	return nil
}

// deletePrefix deletes every key with the prefix.
func deletePrefix(w *pebble.Batch, prefix []byte) error {
	bounds := below(prefix)
	if err := w.DeleteRange(bounds.LowerBound, bounds.UpperBound, nil); err != nil {
		return fmt.Errorf("write embedded store: %w", err)
	}
	return nil
}
