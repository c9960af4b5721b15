package chat

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// pace is how many entries a second are taken, and a second's worth at once.
type pace struct {
	every, burst time.Duration
}

func paceOf(perSecond int) pace {
	every := max(time.Second/time.Duration(perSecond), 1)
	return pace{every: every, burst: max(time.Second, every)}
}

// bucket is when everything that was taken so far will have been paid for, in Unix nanoseconds: a token bucket in one number.
type bucket int64

// after returns the bucket with one more entry, or how long that has to wait.
func (p pace) after(b bucket, now time.Time) (bucket, time.Duration) {
	at := now.UnixNano()
	next := max(int64(b), at) + int64(p.every)
	if wait := time.Duration(next-at) - p.burst; wait > 0 {
		return b, wait
	}
	return bucket(next), 0
}

// userShards is how many locks the users' buckets have.
const userShards = 16

// userPaces limits what each user appends through this pod, in all conversations together. How many users it remembers is
// bounded: beyond that somebody is forgotten, idle ones first, and starts with a full bucket.
type userPaces struct {
	pace
	seed   maphash.Seed
	max    int // by shard
	shards [userShards]struct {
		sync.Mutex
		of map[store.User]bucket
	}
}

func newUserPaces(perSecond, users int) *userPaces {
	p := &userPaces{pace: paceOf(perSecond), seed: maphash.MakeSeed(), max: max(users/userShards, 1)}
	for i := range p.shards {
		p.shards[i].of = map[store.User]bucket{}
	}
	return p
}

// take takes one entry of the user's, or returns how long it has to wait.
func (p *userPaces) take(u store.User, now time.Time) time.Duration {
	s := &p.shards[maphash.Comparable(p.seed, u)%userShards]
	s.Lock()
	defer s.Unlock()
	b, known := s.of[u]
	b, wait := p.after(b, now)
	if wait > 0 {
		return wait
	}
	if !known && len(s.of) >= p.max {
		forget(s.of, now)
	}
	s.of[u] = b
	return 0
}

// forget removes a few idle users, or anybody when there is none among those that it looks at.
func forget(of map[store.User]bucket, now time.Time) {
	const looks = 16
	n, removed := 0, false
	var anybody store.User
	for u, b := range of {
		if anybody = u; int64(b) <= now.UnixNano() {
			delete(of, u)
			removed = true
		}
		if n++; n == looks {
			break
		}
	}
	if !removed {
		delete(of, anybody)
	}
}
