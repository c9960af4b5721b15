package mutes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// DefaultPollEvery is how often it is read who is muted.
	DefaultPollEvery = 5 * time.Second
	// pollTimeout bounds a read of what is new, startTimeout the read of a month.
	pollTimeout  = 4 * time.Second
	startTimeout = 30 * time.Second
	// pollOverlap is how far back each read goes beyond the last one: a write may land late, and clocks differ.
	pollOverlap = 2 * time.Minute
)

// Options of a Directory. Store is required; zero values mean the defaults.
type Options struct {
	Store     store.Mutes
	PollEvery time.Duration
	// Log takes failed reads; nil discards them.
	Log *slog.Logger
}

// Directory knows who is muted. Make it with New, start it with Run.
type Directory struct {
	o   Options
	now func() time.Time

	mu   sync.RWMutex
	asOf time.Time // when the last good read began
	of   map[store.User]fate
}

// fate is what was said of a user.
type fate struct {
	lifted time.Time          // when that was said last
	mutes  map[mute]time.Time // until when
}

// mute is one that was said, once or again.
type mute struct {
	by   string
	said int64 // in milliseconds
}

// New returns a directory that knows nothing until Run has read for the first time.
func New(o Options) (*Directory, error) {
	if o.Store == nil {
		return nil, errors.New("mutes: a store is required")
	}
	if o.PollEvery <= 0 {
		o.PollEvery = DefaultPollEvery
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Directory{o: o, now: time.Now, of: map[store.User]fate{}}, nil
}

// Run reads who is muted, at once and then every PollEvery, until ctx ends, and returns nil.
func (d *Directory) Run(ctx context.Context) error {
	tick := time.NewTicker(d.o.PollEvery)
	defer tick.Stop()
	for {
		if err := d.poll(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.WarnContext(ctx, "mutes not read: who was muted lately may still send", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Until returns when the user's mute ends, false when there is none.
func (d *Directory) Until(u store.User) (time.Time, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var until time.Time
	f, ok := d.of[u]
	if !ok {
		return until, false
	}
	for m, end := range f.mutes {
		if m.said > f.lifted.UnixMilli() && end.After(until) {
			until = end
		}
	}
	return until, until.After(d.now())
}

// Mute keeps the mute and applies it here at once, elsewhere within PollEvery.
func (d *Directory) Mute(ctx context.Context, m store.Mute) error {
	if err := d.o.Store.Mute(ctx, m); err != nil {
		return fmt.Errorf("mute: %w", err)
	}
	d.apply([]store.Mute{m}, time.Time{})
	return nil
}

// Lift takes back what was said of the user until now. by is who does.
func (d *Directory) Lift(ctx context.Context, u store.User, by string) error {
	now := d.now().Truncate(time.Millisecond)
	return d.Mute(ctx, store.Mute{User: u, At: now, Said: now, By: by, Lifted: true})
}

func (d *Directory) poll(ctx context.Context) error {
	began := d.now()
	d.mu.RLock()
	since, timeout := began.Add(-store.MaxMute), startTimeout
	if !d.asOf.IsZero() {
		since, timeout = d.asOf.Add(-pollOverlap), pollTimeout
	}
	d.mu.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found, err := d.o.Store.Mutes(ctx, since)
	if err != nil {
		return err
	}
	d.apply(found, began)
	return nil
}

func (d *Directory) apply(found []store.Mute, asOf time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if asOf.After(d.asOf) {
		d.asOf = asOf
	}
	d.forget()
	for _, m := range found {
		f := d.of[m.User]
		if f.mutes == nil {
			f.mutes = map[mute]time.Time{}
		}
		switch {
		case !m.Lifted:
			f.mutes[mute{m.By, m.Said.UnixMilli()}] = m.Until
		case m.Said.After(f.lifted):
			f.lifted = m.Said
		}
		d.of[m.User] = f
	}
}

// forget drops what is over. mu is held.
func (d *Directory) forget() {
	now := d.now()
	for u, f := range d.of {
		for m, end := range f.mutes {
			if !end.After(now) {
				delete(f.mutes, m)
			}
		}
		if len(f.mutes) == 0 && now.Sub(f.lifted) > store.MaxMute {
			delete(d.of, u)
		}
	}
}
