package chat

import (
	"context"
	"sync"
	"sync/atomic"
)

// maxResting is how many goroutines are kept for the next task: a lane starts one for every message when it is not busy, and the
// growing of a new one's stack would cost more than much of its work.
const maxResting = 64

// tasks owns goroutines: it takes none once it waits for them.
type tasks struct {
	mu      sync.Mutex
	closed  bool
	wg      sync.WaitGroup
	resting []chan func()
}

// Go runs f, or returns false when it is too late for that.
func (t *tasks) Go(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	if n := len(t.resting); n > 0 {
		t.resting[n-1] <- f // it has room: whoever rests there waits for one task
		t.resting = t.resting[:n-1]
		return true
	}
	t.wg.Go(func() { t.work(f) })
	return true
}

// work runs f, and what comes while it rests.
func (t *tasks) work(f func()) {
	var next chan func()
	for f != nil {
		f()
		if next == nil {
			next = make(chan func(), 1)
		}
		if !t.rest(next) {
			return
		}
		f = <-next
	}
}

// rest offers to take the next task from the channel. False: enough others do, or there will be none.
func (t *tasks) rest(next chan func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.resting) >= maxResting {
		return false
	}
	t.resting = append(t.resting, next)
	return true
}

// Wait takes no more and returns when all have ended.
func (t *tasks) Wait() {
	t.mu.Lock()
	t.closed = true
	for _, next := range t.resting {
		close(next)
	}
	t.resting = nil
	t.mu.Unlock()
	t.wg.Wait()
}

// counter counts what is under way and can be waited on.
type counter struct {
	n       atomic.Int64
	mu      sync.Mutex
	changed chan struct{}
}

// Add changes the count and wakes who waits for zero.
func (u *counter) Add(d int64) {
	if u.n.Add(d) != 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.changed != nil {
		close(u.changed)
		u.changed = nil
	}
}

// zero returns when the count is zero or ctx ends.
func (u *counter) zero(ctx context.Context) error {
	for {
		u.mu.Lock()
		if u.n.Load() == 0 {
			u.mu.Unlock()
			return nil
		}
		if u.changed == nil {
			u.changed = make(chan struct{})
		}
		ch := u.changed
		u.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
