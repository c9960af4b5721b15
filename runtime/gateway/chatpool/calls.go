package chatpool

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// maxFrameSends and maxFrameBytes bound one GatewayFrame, far below gRPC's 4 MiB.
	maxFrameSends = 256
	maxFrameBytes = 512 << 10
	// sendOverhead is what a send weighs besides its body.
	sendOverhead = 256
	busyRetryMS  = 250
	// maxAsides bounds the signals, and the takeovers, that wait for one pod. More are dropped: both may get lost.
	maxAsides = 4096
)

// call is a send that waits for its result.
type call struct {
	ref   uint64
	done  func(*chatpb.Result)
	until time.Time
}

// calls are the sends of one pod: those that wait for the wire and those that wait for an answer.
type calls struct {
	max     int
	timeout time.Duration
	wake    chan struct{}

	mu       sync.Mutex
	alive    bool
	draining bool
	ref      uint64
	queue    []*chatpb.Send
	asides   asides
	flying   map[uint64]call
}

func (c *calls) init(limit int, timeout time.Duration) {
	c.max, c.timeout = limit, timeout
	c.wake = make(chan struct{}, 1)
	c.flying = map[uint64]call{}
}

// takes says whether new conversations may go to the pod.
func (c *calls) takes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.alive && !c.draining
}

func (c *calls) up() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive, c.draining = true, false
}

// drain says whether that was news.
func (c *calls) drain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := !c.draining
	c.draining = true
	return news
}

// down returns the calls that will never be answered, in the order in which they were sent, and whether the pod had drained.
func (c *calls) down() (orphans []call, drained bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	orphans = c.remove(func(call) bool { return true })
	c.queue, c.asides, c.alive = nil, asides{}, false
	return orphans, c.draining
}

// send queues s. done is called at once when the pod cannot take it.
func (c *calls) send(s *chatpb.Send, done func(*chatpb.Result)) {
	c.mu.Lock()
	switch {
	case !c.alive:
		c.mu.Unlock()
		done(unknownOutcome())
		return
	case len(c.flying) >= c.max:
		c.mu.Unlock()
		done(&chatpb.Result{Code: string(protocol.CodeBusy), RetryAfterMs: busyRetryMS})
		return
	}
	c.ref++
	s.Ref = c.ref
	c.flying[s.Ref] = call{ref: s.Ref, done: done, until: time.Now().Add(c.timeout)}
	c.queue = append(c.queue, s)
	c.mu.Unlock()
	c.nudge()
}

func (c *calls) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// finish ends the call that r answers. A result that nobody waits for any more is dropped.
func (c *calls) finish(r *chatpb.Result) {
	c.mu.Lock()
	f, ok := c.flying[r.GetRef()]
	delete(c.flying, r.GetRef())
	c.mu.Unlock()
	if ok {
		f.done(r)
	}
}

// expire ends the calls whose answer did not come in time.
func (c *calls) expire(now time.Time) {
	c.mu.Lock()
	late := c.remove(func(f call) bool { return now.After(f.until) })
	c.mu.Unlock()
	for _, f := range late {
		f.done(unknownOutcome())
	}
}

// remove takes out the calls that match, in order. The lock is held.
func (c *calls) remove(match func(call) bool) []call {
	var out []call
	for ref, f := range c.flying {
		if match(f) {
			out = append(out, f)
			delete(c.flying, ref)
		}
	}
	slices.SortFunc(out, func(a, b call) int {
		if a.ref < b.ref {
			return -1
		}
		return 1
	})
	return out
}

// sendLoop writes what is queued, many sends to a frame, until ctx ends or the stream breaks. routed is what the pod is to know,
// told what it was told.
func (c *calls) sendLoop(ctx context.Context, stream chatpb.Chat_ConnectClient, routed *atomic.Bool, told bool) {
	for {
		for {
			f := &chatpb.GatewayFrame{}
			if now := routed.Load(); now != told {
				told, f.Routed = now, &now
			}
			c.next(f)
			if f.Routed == nil && len(f.GetSends())+len(f.GetSignals())+len(f.GetTakeovers()) == 0 {
				break
			}
			// An error shows as the end of the receiving side, which answers for all that is in flight.
			if stream.Send(f) != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
	}
}

// next puts the next frame's worth of what is queued into f.
func (c *calls) next(f *chatpb.GatewayFrame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, size := 0, 0
	for n < len(c.queue) && n < maxFrameSends {
		size += sendOverhead + len(c.queue[n].GetBody())
		if n > 0 && size > maxFrameBytes {
			break
		}
		n++
	}
	f.Sends = slices.Clone(c.queue[:n])
	clear(c.queue[:n])
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	c.asides.next(f)
}

func unknownOutcome() *chatpb.Result {
	return &chatpb.Result{Code: string(protocol.CodeUnavailable), RetryAfterMs: busyRetryMS}
}
