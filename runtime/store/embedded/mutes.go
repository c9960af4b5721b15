package embedded

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/store"
)

type muteRecord struct {
	Tenant string `json:"tenant"`
	User   string `json:"user"`
	AtMs   int64  `json:"atMs"`
	SaidMs int64  `json:"saidMs"`
	UntilS int64  `json:"untilS,omitempty"`
	By     string `json:"by"`
	Lifted bool   `json:"lifted,omitempty"`
}

func (r muteRecord) mute() (store.Mute, error) {
	u, err := store.NewUser(store.Tenant(r.Tenant), r.User)
	m := store.Mute{User: u, At: time.UnixMilli(r.AtMs).UTC(), Said: time.UnixMilli(r.SaidMs).UTC(), By: r.By, Lifted: r.Lifted}
	if !r.Lifted {
		m.Until = time.Unix(r.UntilS, 0).UTC()
	}
	return m, err
}

// Mute implements store.Mutes.
func (s *Store) Mute(ctx context.Context, m store.Mute) error {
	if err := store.CheckMute(m); err != nil {
		return err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	rec := muteRecord{
		Tenant: string(m.User.Tenant()), User: m.User.ID(), AtMs: m.At.UnixMilli(), SaidMs: m.Said.UnixMilli(), By: m.By, Lifted: m.Lifted,
	}
	if !m.Lifted {
		rec.UntilS = m.Until.Unix()
	}
	return s.commit(func(w *pebble.Batch) error { return save(w, key(kindMute, store.MuteKey(m)), rec) })
}

// Mutes implements store.Mutes.
func (s *Store) Mutes(ctx context.Context, since time.Time) ([]store.Mute, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var found []store.Mute
	now := time.Now()
	err = listFrom(s.db, []byte{kindMute}, key(kindMute, store.RevocationsFrom(since)), func(_ string, rec muteRecord) error {
		m, err := rec.mute()
		if err != nil {
			return err
		}
		if m.Forgotten().After(now) {
			found = append(found, m)
		}
		return ctx.Err()
	})
	return found, err
}
