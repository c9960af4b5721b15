package chat

import (
	"context"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// lookupTimeout bounds a lookup: deliveries wait for it.
	lookupTimeout = 150 * time.Millisecond
	// lookupPause is for how long everything goes to every gateway after a lookup that failed.
	lookupPause = time.Second
	// maxLookups is how many conversations are looked up together, and maxLookupQueue how many wait for that.
	maxLookups     = 128
	maxLookupQueue = 4096
)

// locator looks up where users are connected, for many conversations at a time. Its run alone asks; everybody else queues. When
// Redis fails nobody waits for it.
type locator struct {
	s *Service

	mu     sync.Mutex
	ready  bool      // run is running
	paused time.Time // until then nothing is asked
	queue  []lookup
	owed   []*audience
	wake   chan struct{}
}

// lookup is for an audience, with the users it has at its turn.
type lookup struct {
	a     *audience
	turn  int
	users []store.User
}

func newLocator(s *Service) *locator { return &locator{s: s, wake: make(chan struct{}, 1)} }

// ask queues a lookup; its audience gets the answer. False: there will be none.
func (l *locator) ask(one lookup) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ready || l.s.now().Before(l.paused) || len(l.queue) >= maxLookupQueue {
		return false
	}
	l.queue = append(l.queue, one)
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return true
}

// owe has the audience's heads told soon.
func (l *locator) owe(a *audience) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owed = append(l.owed, a)
}

// run answers lookups until ctx ends.
func (l *locator) run(ctx context.Context) {
	if l.s.o.Routes == nil {
		return
	}
	l.mu.Lock()
	l.ready = true
	l.mu.Unlock()
	heal := time.NewTicker(routesFor)
	defer heal.Stop()
	for {
		select {
		case <-ctx.Done():
			l.mu.Lock()
			l.ready = false
			l.mu.Unlock()
			for all := l.next(); len(all) > 0; all = l.next() {
				answer(all, nil)
			}
			return
		case <-heal.C:
			l.heal()
		case <-l.wake:
			for all := l.next(); len(all) > 0; all = l.next() {
				answer(all, l.look(ctx, all))
			}
		}
	}
}

func (l *locator) next() []lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.queue), maxLookups)
	out := l.queue[:n:n]
	if l.queue = l.queue[n:]; len(l.queue) == 0 {
		l.queue = nil
	}
	return out
}

// answer gives each audience its gateways; away is nil when the lookup failed.
func answer(all []lookup, away []gateways) {
	for i, one := range all {
		if away == nil {
			one.a.located(one.turn, nil)
			continue
		}
		one.a.located(one.turn, away[i])
	}
}

// look asks Redis, once for all. Gateways that do not register everybody are never away.
func (l *locator) look(ctx context.Context, all []lookup) []gateways {
	away := make([]gateways, len(all))
	for i := range away {
		away[i] = gateways{}
	}
	var outs []*outgoing
	var instances []string
	l.s.streams.each(func(o *outgoing) {
		if o.routed.Load() && o.instance != "" {
			outs, instances = append(outs, o), append(instances, o.instance)
		}
	})
	if len(outs) == 0 {
		return away
	}
	groups := make([][]store.User, len(all))
	for i, one := range all {
		groups[i] = one.users
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := l.s.o.Routes.Away(ctx, instances, groups)
	if err != nil || len(found) != len(all) {
		l.s.metrics.lookups.WithLabelValues("failed").Inc()
		l.mu.Lock()
		l.paused = l.s.now().Add(lookupPause)
		l.mu.Unlock()
		return nil
	}
	l.s.metrics.lookups.WithLabelValues("ok").Inc()
	for i := range all {
		for g, o := range outs {
			if found[i][g] {
				away[i][o] = struct{}{}
			}
		}
	}
	return away
}

// heal tells heads that are owed.
func (l *locator) heal() {
	l.mu.Lock()
	owed := l.owed
	l.owed = nil
	l.mu.Unlock()
	for _, a := range owed {
		a.heal(l.s.head(a.conv))
	}
}
