package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Defaults of Revocations.
const (
	// DefaultPollEvery and DefaultPollTimeout let one read fail and the next one still come within DefaultStaleAfter.
	DefaultPollEvery   = 5 * time.Second
	DefaultPollTimeout = 4 * time.Second
	// DefaultStaleAfter is how old the last good read may be before nothing new is accepted.
	DefaultStaleAfter = 15 * time.Second
	// pollOverlap is how far back each read goes beyond the last one: a write may land late, and clocks differ.
	pollOverlap = 2 * time.Minute
)

// RevocationStore is where revocations are kept.
type RevocationStore interface {
	Revoke(ctx context.Context, r store.Revocation) error
	Revocations(ctx context.Context, since time.Time) ([]store.Revocation, error)
}

// RevocationsOptions tune Revocations. Store is required; zero values mean the defaults.
type RevocationsOptions struct {
	Store       RevocationStore
	PollEvery   time.Duration
	PollTimeout time.Duration
	StaleAfter  time.Duration
	// Log takes failed reads; nil discards them.
	Log *slog.Logger
}

// Revocations knows what is revoked. Make it with NewRevocations, start it with Run.
type Revocations struct {
	o RevocationsOptions

	// telling is held while subscribers are told, and taken before mu.
	telling sync.Mutex
	told    []func([]store.Revocation)

	mu   sync.RWMutex
	asOf time.Time // when the last good read began
	cuts map[subject]cut
}

// subject is whose tokens a revocation concerns. Without a device and a token it is all of the user's.
type subject struct {
	user            store.User
	device, tokenID string
}

// cut is a revocation that holds: what was issued up to at is refused.
type cut struct{ at, until time.Time }

// NewRevocations returns Revocations that know nothing until Run has read for the first time.
func NewRevocations(o RevocationsOptions) (*Revocations, error) {
	if o.Store == nil {
		return nil, errors.New("auth: revocations need a store")
	}
	if o.PollEvery <= 0 {
		o.PollEvery = DefaultPollEvery
	}
	if o.PollTimeout <= 0 {
		o.PollTimeout = DefaultPollTimeout
	}
	if o.StaleAfter <= 0 {
		o.StaleAfter = DefaultStaleAfter
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Revocations{o: o, cuts: map[subject]cut{}}, nil
}

// Subscribe has f told of every revocation that becomes known from now on. f must return soon.
func (r *Revocations) Subscribe(f func([]store.Revocation)) {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.told = append(r.told, f)
}

// Run reads what is revoked, at once and then every PollEvery, until ctx ends, and returns nil.
func (r *Revocations) Run(ctx context.Context) error {
	tick := time.NewTicker(r.o.PollEvery)
	defer tick.Stop()
	for {
		if err := r.poll(ctx); err != nil && ctx.Err() == nil {
			r.o.Log.WarnContext(ctx, "revocations not read", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Ready says why tokens' fates are unknown, if so.
func (r *Revocations) Ready(context.Context) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.fresh()
}

// Check returns ErrRevoked when p, used on the device, was revoked, and ErrRevocationsUnknown when that is not known. device is
// empty where it is not known.
func (r *Revocations) Check(p Principal, device string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.fresh(); err != nil {
		return err
	}
	if p.TokenID != "" {
		if _, hit := r.cuts[subject{user: p.User, tokenID: p.TokenID}]; hit {
			return ErrRevoked
		}
	}
	for _, s := range []subject{{user: p.User}, {user: p.User, device: device}} {
		// A token that does not say when it was issued may be as old as any.
		if c, hit := r.cuts[s]; hit && !p.Issued.After(c.at) {
			return ErrRevoked
		}
	}
	return nil
}

// Revoke keeps the revocation and applies it here at once, elsewhere within StaleAfter. A zero At is now, a zero Until as late as
// a token that is issued now may expire.
func (r *Revocations) Revoke(ctx context.Context, v store.Revocation) error {
	if v.At.IsZero() {
		v.At = time.Now()
	}
	// Upwards: what was issued in the same millisecond is concerned.
	v.At = v.At.Add(time.Millisecond - 1).Truncate(time.Millisecond)
	if v.Until.IsZero() {
		v.Until = v.At.Add(MaxTokenLife)
	}
	// Tokens are accepted for a while after their expiry.
	v.Until = v.Until.Add(2 * Skew).Truncate(time.Second)
	if err := r.o.Store.Revoke(ctx, v); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	r.apply([]store.Revocation{v}, time.Time{})
	return nil
}

func (r *Revocations) poll(ctx context.Context) error {
	begin := time.Now()
	r.mu.RLock()
	since := begin.Add(-MaxTokenLife - 2*Skew)
	if !r.asOf.IsZero() {
		since = r.asOf.Add(-pollOverlap)
	}
	r.mu.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, r.o.PollTimeout)
	defer cancel()
	found, err := r.o.Store.Revocations(ctx, since)
	if err != nil {
		return err
	}
	r.apply(found, begin)
	return nil
}

// apply notes revocations, and tells of those that are news.
func (r *Revocations) apply(found []store.Revocation, asOf time.Time) {
	r.telling.Lock()
	defer r.telling.Unlock()
	now := time.Now()
	var news []store.Revocation
	r.mu.Lock()
	if asOf.After(r.asOf) {
		r.asOf = asOf
	}
	for s, c := range r.cuts {
		if now.After(c.until) {
			delete(r.cuts, s)
		}
	}
	for _, v := range found {
		s := subject{user: v.User, device: v.Device, tokenID: v.TokenID}
		old, known := r.cuts[s]
		if known && !v.At.After(old.at) {
			continue
		}
		c := cut{at: v.At, until: v.Until}
		if known && old.until.After(c.until) {
			c.until = old.until
		}
		r.cuts[s] = c
		news = append(news, v)
	}
	r.mu.Unlock()
	if len(news) == 0 {
		return
	}
	for _, f := range r.told {
		f(news)
	}
}

// fresh says whether the last good read is young enough. mu is held.
func (r *Revocations) fresh() error {
	if r.asOf.IsZero() || time.Since(r.asOf) > r.o.StaleAfter {
		return ErrRevocationsUnknown
	}
	return nil
}
