package embedded

import (
	"cmp"
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// PutDevice implements store.Devices.
func (s *Store) PutDevice(ctx context.Context, u store.User, d store.Device) (store.Device, error) {
	if err := errors.Join(store.CheckDevice(d.ID), store.CheckLocale(d.Locale), d.Preferences.Check()); err != nil {
		return store.Device{}, err
	}
	unlock, err := s.lockUser(ctx, u, exclusive)
	if err != nil {
		return store.Device{}, err
	}
	defer unlock()
	rec := deviceRecord{
		Platform: d.Platform, PushChannel: d.PushChannel, PushToken: d.PushToken, RegisteredAtMs: d.RegisteredAt.UnixMilli(), Locale: d.Locale,
		Private: d.Preferences.Private, QuietFrom: d.Preferences.QuietFrom, QuietTo: d.Preferences.QuietTo, QuietZone: d.Preferences.QuietZone,
	}
	switch old, err := load[deviceRecord](s.db, deviceKey(u, d.ID)); {
	case err == nil:
		rec.RegisteredAtMs, rec.Locale = old.RegisteredAtMs, cmp.Or(d.Locale, old.Locale)
	case !errors.Is(err, store.ErrNotFound):
		return store.Device{}, err
	}
	if err := s.commit(func(w *pebble.Batch) error { return save(w, deviceKey(u, d.ID), rec) }); err != nil {
		return store.Device{}, err
	}
	return rec.device(d.ID), nil
}

// RegisterDevice implements store.Devices.
func (s *Store) RegisterDevice(ctx context.Context, u store.User, d store.Device) error {
	if err := errors.Join(store.CheckDevice(d.ID), store.CheckLocale(d.Locale)); err != nil {
		return err
	}
	unlock, err := s.lockUser(ctx, u, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := load[deviceRecord](s.db, deviceKey(u, d.ID))
	switch {
	case errors.Is(err, store.ErrNotFound):
		rec = deviceRecord{Platform: d.Platform, RegisteredAtMs: d.RegisteredAt.UnixMilli()}
	case err != nil || d.Locale == "" || d.Locale == rec.Locale:
		return err
	}
	rec.Locale = d.Locale
	return s.commit(func(w *pebble.Batch) error { return save(w, deviceKey(u, d.ID), rec) })
}

// Devices implements store.Devices.
func (s *Store) Devices(ctx context.Context, u store.User) ([]store.Device, error) {
	unlock, err := s.lockUser(ctx, u, 1)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var found []store.Device
	err = list(s.db, key(kindDevice, string(u.Tenant()), u.ID()), func(id string, rec deviceRecord) error {
		found = append(found, rec.device(id))
		return ctx.Err()
	})
	return found, err
}

// RemovePushToken implements store.Devices.
func (s *Store) RemovePushToken(ctx context.Context, u store.User, device, token string) error {
	return s.changeToken(ctx, u, device, token, func(rec *deviceRecord) {
		rec.PushToken, rec.PushChannel, rec.Strikes = "", "", 0
	})
}

// StrikeToken implements store.Devices.
func (s *Store) StrikeToken(ctx context.Context, u store.User, device, token string) (strikes int, err error) {
	err = s.changeToken(ctx, u, device, token, func(rec *deviceRecord) {
		rec.Strikes++
		strikes = rec.Strikes
	})
	return strikes, err
}

// ClearStrikes implements store.Devices.
func (s *Store) ClearStrikes(ctx context.Context, u store.User, device, token string) error {
	return s.changeToken(ctx, u, device, token, func(rec *deviceRecord) { rec.Strikes = 0 })
}

// changeToken changes the device while the token is the stored one.
func (s *Store) changeToken(ctx context.Context, u store.User, device, token string, change func(*deviceRecord)) error {
	if err := store.CheckDevice(device); err != nil {
		return err
	}
	unlock, err := s.lockUser(ctx, u, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := load[deviceRecord](s.db, deviceKey(u, device))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || token == "" || rec.PushToken != token {
		return err
	}
	change(&rec)
	return s.commit(func(w *pebble.Batch) error { return save(w, deviceKey(u, device), rec) })
}

// RemoveDevice implements store.Devices.
func (s *Store) RemoveDevice(ctx context.Context, u store.User, device string) error {
	if err := store.CheckDevice(device); err != nil {
		return err
	}
	unlock, err := s.lockUser(ctx, u, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	return s.commit(func(w *pebble.Batch) error { return w.Delete(deviceKey(u, device), nil) })
}
