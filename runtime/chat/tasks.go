package chat

import (
	"context"
	"sync"
	"sync/atomic"
)

// tasks owns goroutines: it takes none once it waits for them.
type tasks struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// Go runs f, or returns false when it is too late for that.
func (t *tasks) Go(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wg.Go(f)
	return true
}

// Wait takes no more and returns when all have ended.
func (t *tasks) Wait() {
	t.mu.Lock()
	t.closed = true
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
