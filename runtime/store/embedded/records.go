package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// What is stored of each kind, as JSON; the ids are in the key.
type (
	conversationRecord struct {
		Kind        string `json:"kind"`
		Title       string `json:"title,omitempty"`
		Tail        uint64 `json:"tail,omitempty"`
		TailCount   uint64 `json:"tailCount,omitempty"`
		Floor       uint64 `json:"floor,omitempty"`
		CreatedAtMs int64  `json:"createdAtMs"`
	}
	memberRecord struct {
		Role   string `json:"role"`
		Joined uint64 `json:"joined"`
		Left   uint64 `json:"left,omitempty"`
	}
	membershipRecord struct {
		Joined    uint64            `json:"joined"`
		Left      uint64            `json:"left,omitempty"`
		Earlier   []store.Interval  `json:"earlier,omitempty"`
		Delivered map[string]uint64 `json:"delivered"`
		Read      uint64            `json:"read,omitempty"`
		Pushed    uint64            `json:"pushed,omitempty"`

		MutedUntilMs int64 `json:"mutedUntilMs,omitempty"`
		Archived     bool  `json:"archived,omitempty"`
		Pinned       bool  `json:"pinned,omitempty"`
	}
	deviceRecord struct {
		Platform       string `json:"platform"`
		PushChannel    string `json:"pushChannel,omitempty"`
		PushToken      string `json:"pushToken,omitempty"`
		RegisteredAtMs int64  `json:"registeredAtMs"`
		Locale         string `json:"locale,omitempty"`
		Private        bool   `json:"private,omitempty"`
		QuietFrom      int    `json:"quietFrom,omitempty"`
		QuietTo        int    `json:"quietTo,omitempty"`
		QuietZone      string `json:"quietZone,omitempty"`
		Strikes        int    `json:"strikes,omitempty"`
	}
)

func (r membershipRecord) membership(c store.Conv) store.Membership {
	if r.Delivered == nil {
		r.Delivered = map[string]uint64{}
	}
	m := store.Membership{
		Conv: c, Joined: r.Joined, Left: r.Left, Earlier: r.Earlier, Delivered: r.Delivered, Read: r.Read, Pushed: r.Pushed,
		Preferences: store.Preferences{Archived: r.Archived, Pinned: r.Pinned},
	}
	if r.MutedUntilMs != 0 {
		m.MutedUntil = time.UnixMilli(r.MutedUntilMs).UTC()
	}
	return m
}

func membershipOf(m store.Membership) membershipRecord {
	r := membershipRecord{
		Joined: m.Joined, Left: m.Left, Earlier: m.Earlier, Delivered: m.Delivered, Read: m.Read, Pushed: m.Pushed,
		Archived: m.Archived, Pinned: m.Pinned,
	}
	if !m.MutedUntil.IsZero() {
		r.MutedUntilMs = m.MutedUntil.UnixMilli()
	}
	return r
}

func (r deviceRecord) device(id string) store.Device {
	return store.Device{
		ID: id, Platform: r.Platform, PushChannel: r.PushChannel, PushToken: r.PushToken,
		RegisteredAt: time.UnixMilli(r.RegisteredAtMs).UTC(), Locale: r.Locale,
		Preferences: store.DevicePreferences{Private: r.Private, QuietFrom: r.QuietFrom, QuietTo: r.QuietTo, QuietZone: r.QuietZone},
		Strikes:     r.Strikes,
	}
}

// load reads the record under the key, or returns store.ErrNotFound.
func load[R any](r pebble.Reader, key []byte) (rec R, err error) {
	v, err := get(r, key)
	if err != nil {
		return rec, err
	}
	return decode[R](v)
}

func decode[R any](v []byte) (rec R, err error) {
	if json.Unmarshal(v, &rec) != nil {
		return rec, fmt.Errorf("embedded store: a broken record of %T", rec)
	}
	return rec, nil
}

func save(w *pebble.Batch, key []byte, rec any) error {
	v, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("embedded store: encode %T: %w", rec, err)
	}
	if err := w.Set(key, v, nil); err != nil {
		return fmt.Errorf("write embedded store: %w", err)
	}
	return nil
}

// list decodes every record with the prefix, in the order of their last ids.
func list[R any](r pebble.Reader, prefix []byte, add func(id string, rec R) error) error {
	return listFrom(r, prefix, prefix, add)
}

// listFrom leaves out the keys before from.
func listFrom[R any](r pebble.Reader, prefix, from []byte, add func(id string, rec R) error) (err error) {
	it, err := r.NewIter(below(prefix))
	if err != nil {
		return fmt.Errorf("read embedded store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.SeekGE(from); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read embedded store: %w", err)
		}
		rec, err := decode[R](v)
		if err != nil {
			return err
		}
		if err := add(lastID(it.Key()), rec); err != nil {
			return err
		}
	}
	return nil
}
