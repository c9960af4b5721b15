package embedded

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Memberships implements store.Memberships.
func (s *Store) Memberships(ctx context.Context, u store.User) ([]store.Membership, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var found []store.Membership
	err = list(s.db, key(kindMembership, string(u.Tenant()), u.ID()), func(id string, rec membershipRecord) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := store.NewConv(u.Tenant(), id)
		if err != nil {
			return fmt.Errorf("embedded store: membership: %w", err)
		}
		found = append(found, rec.membership(c))
		return nil
	})
	return found, err
}

// Membership implements store.Memberships.
func (s *Store) Membership(ctx context.Context, u store.User, c store.Conv) (store.Membership, error) {
	unlock, err := s.lockConv(ctx, c, 1)
	if err != nil {
		return store.Membership{}, err
	}
	defer unlock()
	if u.Tenant() != c.Tenant() {
		return store.Membership{}, store.ErrNotFound
	}
	rec, err := load[membershipRecord](s.db, membershipKey(u, c))
	if err != nil {
		return store.Membership{}, err
	}
	return rec.membership(c), nil
}

// RaiseDelivered implements store.Memberships.
func (s *Store) RaiseDelivered(ctx context.Context, u store.User, c store.Conv, device string, seq uint64) error {
	if err := store.CheckDevice(device); err != nil {
		return err
	}
	return s.raise(ctx, u, c, func(m *store.Membership) bool {
		old, known := m.Delivered[device]
		m.Delivered[device] = max(seq, old)
		return !known || seq > old
	})
}

// RaiseRead implements store.Memberships.
func (s *Store) RaiseRead(ctx context.Context, u store.User, c store.Conv, seq uint64) error {
	return s.raise(ctx, u, c, func(m *store.Membership) bool {
		higher := seq > m.Read
		m.Read = max(seq, m.Read)
		return higher
	})
}

// RaisePushed implements store.Memberships.
func (s *Store) RaisePushed(ctx context.Context, u store.User, c store.Conv, seq uint64) error {
	return s.raise(ctx, u, c, func(m *store.Membership) bool {
		higher := seq > m.Pushed
		m.Pushed = max(seq, m.Pushed)
		return higher
	})
}

// SetPreferences implements store.Memberships.
func (s *Store) SetPreferences(ctx context.Context, u store.User, c store.Conv, ch store.PreferencesChange) (p store.Preferences, err error) {
	err = s.raise(ctx, u, c, func(m *store.Membership) bool {
		m.Preferences.Apply(ch)
		p = m.Preferences
		return true
	})
	return p, err
}

// raise changes the membership and writes it when change says so.
func (s *Store) raise(ctx context.Context, u store.User, c store.Conv, change func(*store.Membership) bool) error {
	unlock, err := s.lockConv(ctx, c, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	if u.Tenant() != c.Tenant() {
		return store.ErrNotFound
	}
	rec, err := load[membershipRecord](s.db, membershipKey(u, c))
	if err != nil {
		return err
	}
	m := rec.membership(c)
	if !change(&m) {
		return nil
	}
	return s.commit(func(w *pebble.Batch) error { return save(w, membershipKey(u, c), membershipOf(m)) })
}
