package notify

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// rateHorizon is how far ahead a user's pushes get their places.
	rateHorizon = time.Hour
	// heldAttempts is after how many failures of a window a push is put off whose platform is out.
	heldAttempts = 3
	// heldMin and heldMore are for how long.
	heldMin  = time.Minute
	heldMore = 2 * time.Minute
	// maxLater bounds what is remembered of pushes that were put off.
	maxLater = 10_000
)

// laterKey names what a push that was put off is about.
type laterKey struct {
	user   store.User
	device string
	conv   store.Conv
}

// later remembers for when pushes were put off because of their users' rates: what comes meanwhile goes along. It may forget:
// that costs a push too many.
type later struct {
	mu  sync.Mutex
	due map[laterKey]time.Time
}

func newLater() *later { return &later{due: map[laterKey]time.Time{}} }

func (l *later) get(k laterKey) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	due, ok := l.due[k]
	if ok && !due.After(time.Now()) {
		delete(l.due, k)
		return time.Time{}, false
	}
	return due, ok
}

func (l *later) put(k laterKey, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.due) >= maxLater {
		clear(l.due)
	}
	l.due[k] = due
}

func (n *Notifier) rate() cache.PushRate {
	return cache.PushRate{Every: time.Minute / time.Duration(n.o.PerMinute), Burst: n.o.PerMinute, Horizon: rateHorizon}
}

// reserve takes a place under the user's rate. Where that cannot be had, there is room.
func (n *Notifier) reserve(ctx context.Context, u store.User) (wait time.Duration, reserved bool) {
	wait, reserved, err := n.o.Cache.ReservePush(ctx, u, n.rate())
	if err != nil {
		return 0, true
	}
	return wait, reserved
}

// putOff writes down which of the pushes are to come later, and returns the others: a device sleeps, or its user has had
// enough for now.
func (n *Notifier) putOff(ctx context.Context, e *evaluation, m *member, pushes []owed) ([]owed, error) {
	now := time.Now()
	var awake []owed
	for _, p := range pushes {
		end, quiet := quietUntil(p.device.Preferences, now)
		if !quiet {
			awake = append(awake, p)
			continue
		}
		if err := n.putOffOne(ctx, e, m, p, store.Deferral{Due: end}, becauseQuiet); err != nil {
			return nil, err
		}
	}
	if len(awake) == 0 || m.admitted {
		return awake, nil
	}
	var left []owed
	for _, p := range awake {
		if due, ok := n.later.get(laterKey{m.User, p.device.ID, e.conv}); ok {
			if err := n.putOffOne(ctx, e, m, p, store.Deferral{Due: due, Reserved: true}, becauseRate); err != nil {
				return nil, err
			}
			continue
		}
		left = append(left, p)
	}
	if len(left) == 0 {
		return nil, nil
	}
	wait, reserved := n.reserve(ctx, m.User)
	if wait == 0 {
		m.admitted = true
		return left, nil
	}
	for _, p := range left {
		due := now.Add(wait)
		if err := n.putOffOne(ctx, e, m, p, store.Deferral{Due: due, Reserved: reserved}, becauseRate); err != nil {
			return nil, err
		}
		n.later.put(laterKey{m.User, p.device.ID, e.conv}, due)
	}
	return nil, nil
}

func (n *Notifier) putOffOne(ctx context.Context, e *evaluation, m *member, p owed, d store.Deferral, reason string) error {
	d.User, d.Device, d.Conv, d.Seq = m.User, p.device.ID, e.conv, p.last()
	if err := n.file(ctx, d); err != nil {
		return err
	}
	n.metrics.deferred.WithLabelValues(reason).Inc()
	m.settle(p)
	return nil
}

// deferFor puts off a push that has its place.
func (n *Notifier) deferFor(ctx context.Context, c store.Conv, o outgoing, wait time.Duration, reason string) error {
	err := n.file(ctx, store.Deferral{
		User: o.user, Device: o.owed.device.ID, Conv: c, Due: time.Now().Add(wait), Seq: o.owed.last(), Reserved: true,
	})
	if err == nil {
		n.metrics.deferred.WithLabelValues(reason).Inc()
	}
	return err
}

// file writes a deferred push down, and has its shard looked at when it is due. After an error it may be there all the same.
func (n *Notifier) file(ctx context.Context, d store.Deferral) error {
	n.rota.at(store.DeferralShard(d.User), d.Due)
	return n.o.Store.Defer(ctx, d)
}

// heldFor spreads what an outage has put off.
func heldFor(wait time.Duration) time.Duration { return max(wait, heldMin) + rand.N(heldMore) }
