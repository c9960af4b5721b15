package notify

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// idleSweeps is how many times as long as Options.Sweep a shard is left alone of which nothing is known.
const idleSweeps = 24

// rota says when the shards of deferred pushes are looked at: each when the first of what is known of it is due, and else rarely. Who
// defers a push knows when it is due. The rare looks are for what a pod has died with: whoever looks finds all that is due before
// its next look.
type rota struct {
	every time.Duration // between two looks at a shard, at least
	wake  chan struct{}

	mu     sync.Mutex
	next   [store.DeferralShards]time.Time
	looked [store.DeferralShards]time.Time
}

// newRota has every shard looked at soon: a process that starts knows nothing.
func newRota(every time.Duration, now time.Time) *rota {
	r := &rota{every: every, wake: make(chan struct{}, 1)}
	for i := range r.next {
		r.next[i] = now.Add(every/2 + rand.N(every))
	}
	return r
}

// horizon is the longest time between two looks at a shard.
func (r *rota) horizon() time.Duration { return idleSweeps * r.every }

// at has the shard looked at when something in it is due, or a little later, so that not all is due at once.
func (r *rota) at(shard int, due time.Time) {
	due = due.Add(rand.N(r.every / 2))
	r.mu.Lock()
	sooner := due.Before(r.next[shard])
	if sooner {
		r.next[shard] = due
	}
	r.mu.Unlock()
	if sooner {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// take returns the shards that are to be looked at now, or how long there are none. Each is looked at again within the horizon, sooner
// if at says so.
func (r *rota) take(now time.Time) (shards []int, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait = r.horizon()
	for shard := range r.next {
		at := r.next[shard]
		if soonest := r.looked[shard].Add(r.every); at.Before(soonest) {
			at = soonest
		}
		if at.After(now) {
			wait = min(wait, at.Sub(now))
			continue
		}
		r.looked[shard] = now
		r.next[shard] = now.Add(r.horizon()*3/4 + rand.N(r.horizon()/4))
		shards = append(shards, shard)
	}
	return shards, wait
}
