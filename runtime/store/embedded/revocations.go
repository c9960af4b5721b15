package embedded

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/store"
)

type revocationRecord struct {
	Tenant  string `json:"tenant"`
	User    string `json:"user"`
	Device  string `json:"device,omitempty"`
	TokenID string `json:"jti,omitempty"`
	AtMs    int64  `json:"atMs"`
	UntilS  int64  `json:"untilS"`
}

// Revoke implements store.Revocations.
func (s *Store) Revoke(ctx context.Context, r store.Revocation) error {
	if err := store.CheckRevocation(r); err != nil {
		return err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	rec := revocationRecord{
		Tenant: string(r.User.Tenant()), User: r.User.ID(), Device: r.Device, TokenID: r.TokenID,
		AtMs: r.At.UnixMilli(), UntilS: r.Until.Unix(),
	}
	return s.commit(func(w *pebble.Batch) error { return save(w, key(kindRevocation, store.RevocationKey(r)), rec) })
}

// Revocations implements store.Revocations.
func (s *Store) Revocations(ctx context.Context, since time.Time) ([]store.Revocation, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var found []store.Revocation
	now := time.Now()
	err = listFrom(s.db, []byte{kindRevocation}, key(kindRevocation, store.RevocationsFrom(since)), func(_ string, rec revocationRecord) error {
		u, err := store.NewUser(store.Tenant(rec.Tenant), rec.User)
		if err != nil {
			return err
		}
		r := store.Revocation{
			User: u, Device: rec.Device, TokenID: rec.TokenID,
			At: time.UnixMilli(rec.AtMs).UTC(), Until: time.Unix(rec.UntilS, 0).UTC(),
		}
		if r.Until.After(now) {
			found = append(found, r)
		}
		return ctx.Err()
	})
	return found, err
}
