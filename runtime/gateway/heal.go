package gateway

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Probes compare conversations with the store: deliveries are hints, and a pod that dies between its commit and its deliveries
// gives none. Another pod's settling or the sender's retry usually heals that sooner; probes need neither.
const (
	// soonAfterLoss and laterAfterLoss are when the conversations of a lost pod are probed: at once for what was committed, and
	// again when its last put must have landed or failed.
	soonAfterLoss  = 2 * time.Second
	laterAfterLoss = 15 * time.Second
	// probeTick is how finely the slow round is spread.
	probeTick = time.Second
	// probeBuffer bounds what waits to be probed; the slow round comes by again.
	probeBuffer  = 1 << 18
	probeWorkers = 8
)

// prober has conversations probed, a few at a time.
type prober struct {
	g *Gateway

	mu  sync.Mutex
	due map[store.Conv]struct{}
	// wake says that due is not empty.
	wake chan struct{}
}

func newProber(g *Gateway) *prober {
	return &prober{g: g, due: map[store.Conv]struct{}{}, wake: make(chan struct{}, 1)}
}

// PodLost has the pod's conversations probed, soon and once more.
func (g *Gateway) PodLost(owned func(store.Conv) bool) {
	if g.life.Err() != nil {
		return
	}
	g.m.podsLost.Inc()
	convs := g.hub.conversations(owned)
	g.prober.after(soonAfterLoss, convs)
	g.prober.after(laterAfterLoss, convs)
}

// after adds the conversations between half of d and d from now.
func (p *prober) after(d time.Duration, convs []store.Conv) {
	if len(convs) == 0 {
		return
	}
	p.g.background.Go(func() {
		t := time.NewTimer(d/2 + rand.N(d/2))
		defer t.Stop()
		select {
		case <-p.g.life.Done():
		case <-t.C:
			p.add(convs)
		}
	})
}

func (p *prober) add(convs []store.Conv) {
	p.mu.Lock()
	for _, v := range convs {
		if len(p.due) < probeBuffer {
			p.due[v] = struct{}{}
		}
	}
	p.mu.Unlock()
	p.nudge()
}

func (p *prober) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// next takes one conversation out, at random.
func (p *prober) next() (v store.Conv, more, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for v := range p.due {
		delete(p.due, v)
		return v, len(p.due) > 0, true
	}
	return store.Conv{}, false, false
}

// run adds a slice of all conversations at each tick, so that a round takes ProbeEvery, until ctx ends.
func (p *prober) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for range probeWorkers {
		wg.Go(func() { p.work(ctx) })
	}
	tick := time.NewTicker(min(probeTick, p.g.o.Limits.ProbeEvery))
	defer tick.Stop()
	ticks := max(int(p.g.o.Limits.ProbeEvery/probeTick), 1)
	var round []store.Conv
	for n := 0; ; n = (n + 1) % ticks {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n == 0 {
			round = p.g.hub.conversations(func(store.Conv) bool { return true })
		}
		p.add(round[len(round)*n/ticks : len(round)*(n+1)/ticks])
	}
}

func (p *prober) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		for ctx.Err() == nil {
			v, more, ok := p.next()
			if !ok {
				break
			}
			if more {
				p.nudge()
			}
			p.probe(ctx, v)
		}
	}
}

// probe reads whether the conversation has gone on after what its connections were sent.
func (p *prober) probe(ctx context.Context, v store.Conv) {
	var top uint64
	found := false
	p.g.hub.eachConn(v, func(c *conn) {
		if sent, ok := c.position(v); ok {
			top, found = max(top, sent), true
		}
	})
	if !found {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	page, err := p.g.o.Store.Read(ctx, v, top+1, 1)
	p.g.m.probes.Inc()
	if err != nil {
		p.g.m.pullErrors.Inc()
		return
	}
	head := top
	if len(page) > 0 {
		head = max(head, store.Last(page[0].Batch))
		if head > top {
			p.g.m.healed.Inc()
		}
	}
	p.g.hub.eachConn(v, func(c *conn) { c.announce(v, head) })
}
