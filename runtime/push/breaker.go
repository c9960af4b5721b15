package push

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Defaults of a Breaker.
const (
	// DefaultThreshold is how many batches in a row must fail as a whole.
	DefaultThreshold = 3
	// DefaultCooldown is how long an open circuit waits before its first probe; it doubles up to MaxCooldown.
	DefaultCooldown = 5 * time.Second
	// MaxCooldown bounds the wait between probes.
	MaxCooldown = time.Minute
	// probing is the hint for those who come while a probe is under way.
	probing = time.Second
)

const reasonOpen = "circuit_open"

// Breaker stops calling a platform that refuses everything: a circuit for each application and channel, which opens after
// DefaultThreshold whole batches in a row failed for a reason that is neither the token's nor the message's. An open circuit
// holds pushes, and lets one batch through after each cooldown to see whether the platform is back.
type Breaker struct {
	next Sender

	mu       sync.Mutex
	circuits map[route]*circuit
}

type route struct {
	application string
	channel     Channel
}

type circuit struct {
	failures int
	cooldown time.Duration // zero while closed
	until    time.Time     // of the cooldown
	probe    bool          // under way
}

// NewBreaker returns a breaker in front of next.
func NewBreaker(next Sender) *Breaker { return &Breaker{next: next, circuits: map[route]*circuit{}} }

// Send implements Sender.
func (b *Breaker) Send(ctx context.Context, application string, messages []Message) []Result {
	results := make([]Result, len(messages))
	admitted := map[Channel]bool{}
	var through []Message
	var at []int
	for i, m := range messages {
		ok, asked := admitted[m.Channel]
		var wait time.Duration
		if !asked {
			ok, wait = b.admit(route{application, m.Channel})
			admitted[m.Channel] = ok
		} else if !ok {
			wait = b.wait(route{application, m.Channel})
		}
		if !ok {
			results[i] = Result{Outcome: Retry, Reason: reasonOpen, Held: true, RetryAfter: wait}
			continue
		}
		through, at = append(through, m), append(at, i)
	}
	if len(through) == 0 {
		return results
	}
	failed := map[Channel]bool{}
	for j, r := range b.next.Send(ctx, application, through) {
		results[at[j]] = r
		c := through[j].Channel
		bad := !r.Outcome.Final()
		if was, seen := failed[c]; seen {
			bad = bad && was
		}
		failed[c] = bad
	}
	for c, bad := range failed {
		// Who went away in the middle says nothing about the platform; a deadline that passed does.
		b.settle(route{application, c}, bad, errors.Is(ctx.Err(), context.Canceled))
	}
	return results
}

// admit says whether a batch may go through, or how long it should wait.
func (b *Breaker) admit(r route) (bool, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.circuits[r]
	switch {
	case c == nil || c.cooldown == 0:
		return true, 0
	case time.Now().Before(c.until):
		return false, time.Until(c.until)
	case c.probe:
		return false, probing
	}
	c.probe = true
	return true, 0
}

func (b *Breaker) wait(r route) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.circuits[r]; c != nil {
		return max(time.Until(c.until), probing)
	}
	return probing
}

// settle counts a batch.
func (b *Breaker) settle(r route, failed, unknown bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.circuits[r]
	if !failed {
		delete(b.circuits, r)
		return
	}
	if c == nil {
		c = &circuit{}
		b.circuits[r] = c
	}
	wasProbe := c.probe
	c.probe = false
	if unknown {
		return
	}
	c.failures++
	switch {
	case wasProbe:
		c.cooldown = min(2*c.cooldown, MaxCooldown)
	case c.cooldown == 0 && c.failures >= DefaultThreshold:
		c.cooldown = DefaultCooldown
	default:
		return // not yet, or a batch that was under way when the circuit opened
	}
	// Spread: pods that found out together should not probe together.
	c.until = time.Now().Add(c.cooldown + rand.N(c.cooldown/4))
}
