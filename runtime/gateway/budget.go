package gateway

import (
	"cmp"
	"context"
	"math"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// freeMemory is the budget where Go has no memory limit.
	freeMemory = 256 << 20
	// minShed is the least that a connection holds for its end to be worth anything. One that holds a read's buffer and an answer
	// is not behind: its frame is just being handled.
	minShed = 4 * readChunk
	// shedPause is how long what was closed has to let go of what it holds before more is closed.
	shedPause = 100 * time.Millisecond
)

// budget bounds what is held for all connections together: frames that are read, entries that were pulled, frames that wait to be
// written. A frame that many connections wait for counts for each: rather too much than too little.
type budget struct {
	held atomic.Int64
	// Above soft no connection is taken in, and the slowest are closed; hard is passed by no more than
	// what is being written and one frame behind it: who keeps up is not made to pay for who does not.
	soft, hard int64
	wake       chan struct{}
}

func newBudget(soft int64) *budget {
	return &budget{soft: soft, hard: soft + soft/2, wake: make(chan struct{}, 1)}
}

// defaultBudget is a quarter of what Go may use: the rest is for what connections cost without a backlog.
func defaultBudget() int64 {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return freeMemory
	}
	return limit / 4
}

func (b *budget) add(n int) {
	if now := b.held.Add(int64(n)); n > 0 && now > b.soft {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
}

// short says that too much is held already.
func (b *budget) short() bool { return b.held.Load() > b.soft }

// fits says whether n more may be added to a backlog.
func (b *budget) fits(n int) bool { return b.held.Load()+int64(n) <= b.hard }

// hold counts n bytes, or −n no more, as held for the connection beside its queue.
func (c *conn) hold(n int) {
	c.held.Add(int64(n))
	c.g.budget.add(n)
}

// shedLoop closes the slowest connections while too much is held, until ctx ends.
func (g *Gateway) shedLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.budget.wake:
		}
		for g.budget.short() {
			g.shed()
			pause := time.NewTimer(shedPause)
			select {
			case <-ctx.Done():
				pause.Stop()
				return
			case <-pause.C:
			}
		}
	}
}

// shed closes those for whom most is held until enough will be free. They come back and lose nothing.
func (g *Gateway) shed() {
	type load struct {
		c     *conn
		bytes int64
	}
	var loads []load
	for _, c := range g.connections() {
		if n := c.held.Load() + int64(c.out.backlog()); n >= minShed && !c.closing.Load() {
			loads = append(loads, load{c, n})
		}
	}
	slices.SortFunc(loads, func(a, b load) int { return cmp.Compare(b.bytes, a.bytes) })
	excess := g.budget.held.Load() - g.budget.soft*7/8
	for _, l := range loads {
		if excess <= 0 {
			return
		}
		excess -= l.bytes
		l.c.close(protocol.CloseSlow, "the gateway is short of memory and this connection is behind")
	}
}
