package pool

import (
	"sync"
	"time"
)

// Pool keeps clients of one kind. Make it with New.
type Pool[K comparable, V any] struct {
	idle  time.Duration
	now   func() time.Time
	make  func(K) (V, error)
	close func(V)

	mu      sync.Mutex
	entries map[K]*entry[V]
}

type entry[V any] struct {
	value V
	used  time.Time
}

// New returns an empty pool. closing may be nil. create must not block: it runs under the pool's lock.
func New[K comparable, V any](idle time.Duration, create func(K) (V, error), closing func(V)) *Pool[K, V] {
	return &Pool[K, V]{idle: idle, now: time.Now, make: create, close: closing, entries: map[K]*entry[V]{}}
}

// Get returns the client for key, making it when there is none.
func (p *Pool[K, V]) Get(key K) (V, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for k, e := range p.entries {
		if k != key && now.Sub(e.used) > p.idle {
			p.drop(k, e)
		}
	}
	if e, ok := p.entries[key]; ok {
		e.used = now
		return e.value, nil
	}
	v, err := p.make(key)
	if err != nil {
		var zero V
		return zero, err
	}
	p.entries[key] = &entry[V]{value: v, used: now}
	return v, nil
}

// Close closes every client. The pool may be used again.
func (p *Pool[K, V]) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, e := range p.entries {
		p.drop(k, e)
	}
}

func (p *Pool[K, V]) drop(k K, e *entry[V]) {
	delete(p.entries, k)
	if p.close != nil {
		p.close(e.value)
	}
}
