package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Rates bounds the requests of each user by a token bucket. A bucket is one time: when it will be full again. One that is full is
// not kept, and beyond max buckets some are forgotten: their users have a full one then.
type Rates struct {
	every time.Duration // a token
	burst time.Duration // a whole bucket
	max   int
	now   func() time.Time

	mu   sync.Mutex
	full map[store.User]time.Time
	// sweepAt is how many buckets there are when the full ones are looked for.
	sweepAt int
}

// NewRates gives each user so many requests a second, and burst at once; users is how many it keeps at a time.
func NewRates(perSecond rate.Limit, burst, users int) *Rates {
	every := time.Duration(float64(time.Second) / float64(perSecond))
	return &Rates{
		every: every, burst: every * time.Duration(burst), max: users, now: time.Now,
		full: map[store.User]time.Time{}, sweepAt: min(1024, users),
	}
}

// Take takes a token of the user's, or says how long there will be none.
func (r *Rates) Take(u store.User) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	full, known := r.full[u]
	if full.Before(now) {
		full = now
	}
	full = full.Add(r.every)
	if wait := full.Sub(now) - r.burst; wait > 0 {
		return wait
	}
	if !known && len(r.full) >= r.sweepAt {
		r.sweep(now)
	}
	r.full[u] = full
	return 0
}

// sweep makes room. It costs each new bucket a constant share.
func (r *Rates) sweep(now time.Time) {
	for u, full := range r.full {
		if !full.After(now) {
			delete(r.full, u)
		}
	}
	for u := range r.full {
		if len(r.full) <= r.max/2 {
			break
		}
		delete(r.full, u)
	}
	r.sweepAt = min(max(2*len(r.full), 1024), r.max)
}
