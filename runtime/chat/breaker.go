package chat

import (
	"sync"
	"time"
)

// breaker says whether Kafka is worth waiting for. It opens after a number of failures in a row; while it is open, one
// publication per probe interval is let through, and the first that succeeds closes it.
type breaker struct {
	failures int
	probe    time.Duration
	now      func() time.Time

	mu     sync.Mutex
	failed int
	open   bool
	next   time.Time
}

// allow says whether to publish now.
func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return true
	}
	now := b.now()
	if now.Before(b.next) {
		return false
	}
	b.next = now.Add(b.probe)
	return true
}

// report says how a publication ended. It returns true when that opened or closed the breaker.
func (b *breaker) report(ok bool) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		changed = b.open
		b.failed, b.open = 0, false
		return changed
	}
	b.failed++
	if !b.open && b.failed >= b.failures {
		b.open, changed = true, true
		b.next = b.now().Add(b.probe)
	}
	return changed
}

func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}
