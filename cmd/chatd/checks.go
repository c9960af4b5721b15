package main

import (
	"context"
	"sync"
	"time"
)

const (
	// checkTimeout bounds one readiness check: the kubelet's own timeout is longer, so that the answer names what is slow.
	checkTimeout = 2 * time.Second
	// checkLife is how long the outcome of a backend's check is told again: probes come more often than a backend should be asked.
	checkLife = 10 * time.Second
)

// weight is what a failed check means for the role's readiness.
type weight int

const (
	// always: the role is of no use without it.
	always weight = iota
	// toStart: the role is not ready before it has passed once. Later its absence is told but better met by errors to callers
	// than by a fleet that turns unready all at once.
	toStart
	// told: its absence is told and no more; the role does without it, slower.
	told
)

// check says whether something that the role uses is there.
type check struct {
	name   string
	run    func(context.Context) error
	weight weight
}

// checked is a check with its past.
type checked struct {
	check
	mu     sync.Mutex
	passed bool
	last   error
	at     time.Time
}

// outcome runs the check, or tells the last outcome of a backend's again. unready says that the role must not be sent traffic.
func (c *checked) outcome(ctx context.Context) (text string, unready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.weight == always || c.at.IsZero() || c.last != nil || time.Since(c.at) >= checkLife {
		c.last, c.at = c.run(ctx), time.Now()
	}
	if c.last == nil {
		c.passed = true
		return "ok", false
	}
	if c.weight == told || c.weight == toStart && c.passed {
		return "degraded: " + c.last.Error(), false
	}
	return c.last.Error(), true
}
