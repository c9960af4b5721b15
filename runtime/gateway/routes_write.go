package gateway

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// routeBatch bounds the routes of one call.
	routeBatch = 500
	// routePauseMax is the longest pause after calls that failed.
	routePauseMax = 2 * time.Second
)

// renew queues the routes whose time has come.
func (t *router) renew(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.due) > 0 && !now.Before(t.due[0].at) {
		k, at := t.due[0].key, t.due[0].at
		t.due = t.due[1:]
		if e := t.routes[k]; e != nil && e.conn != nil && e.renewAt.Equal(at) {
			t.enqueue(k, e)
		}
	}
}

// write writes what is queued until nothing is or Redis fails.
func (t *router) write(ctx context.Context) {
	pause := 50 * time.Millisecond
	for ctx.Err() == nil {
		more, err := t.writeSome(ctx)
		if err != nil {
			t.g.m.routeErrors.Inc()
			if !sleep(ctx, rand.N(pause)+time.Millisecond) {
				return
			}
			pause = min(2*pause, routePauseMax)
			continue
		}
		if !more {
			break
		}
	}
	t.report()
}

// writeSome writes one batch.
func (t *router) writeSome(ctx context.Context) (more bool, err error) {
	puts, drops := t.next()
	if len(puts)+len(drops) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, routeTimeout)
	defer cancel()
	var held []cache.Held
	if len(drops) > 0 {
		err = t.r.DropRoutes(ctx, t.instance, routesOf(drops))
	}
	if err == nil && len(puts) > 0 {
		held, err = t.r.PutRoutes(ctx, t.instance, routesOf(puts))
	}
	t.mu.Lock()
	t.broken = err != nil
	t.mu.Unlock()
	if err != nil {
		t.again(puts, drops)
		return true, err
	}
	t.dropped(drops)
	for i, h := range held {
		t.put(puts[i], h)
	}
	return true, nil
}

// writing is a route on its way to Redis.
type writing struct {
	key   routeKey
	conn  *conn // nil: dropped
	epoch uint64
	isNew bool
}

func routesOf(all []writing) []cache.Route {
	out := make([]cache.Route, len(all))
	for i, w := range all {
		out[i] = cache.Route{User: w.key.user, Device: w.key.device, Epoch: w.epoch, New: w.isNew}
	}
	return out
}

// next takes a batch off the queue.
func (t *router) next() (puts, drops []writing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.queue), routeBatch)
	for _, k := range t.queue[:n] {
		e := t.routes[k]
		if e == nil {
			continue
		}
		e.queued = false
		w := writing{key: k, conn: e.conn, epoch: e.epoch, isNew: e.conn != nil && !e.tried}
		if w.conn == nil {
			drops = append(drops, w)
			continue
		}
		e.tried = true
		puts = append(puts, w)
	}
	if t.queue = t.queue[n:]; len(t.queue) == 0 {
		t.queue = nil
	}
	return puts, drops
}

// again queues what failed. What became of it is not known: repeating it is harmless.
func (t *router) again(lists ...[]writing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, all := range lists {
		for _, w := range all {
			if e := t.routes[w.key]; e != nil {
				t.enqueue(w.key, e)
			}
		}
	}
}

func (t *router) dropped(all []writing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range all {
		if e := t.routes[w.key]; e != nil && e.conn == nil {
			delete(t.routes, w.key)
		}
	}
}

// put notes what became of a route.
func (t *router) put(w writing, h cache.Held) {
	t.mu.Lock()
	e := t.routes[w.key]
	if e == nil || e.conn != w.conn {
		t.mu.Unlock()
		return
	}
	if h.Epoch == 0 {
		t.mu.Unlock()
		t.g.m.takeovers.Inc()
		code := protocol.CloseReplaced
		if w.isNew { // should it be the newer by clocks that differ, it comes back and is
			code = protocol.CloseInternal
		}
		w.conn.close(code, "the same device connected elsewhere")
		return
	}
	e.epoch = h.Epoch
	if !e.ok {
		e.ok = true
		t.away--
		close(e.registered)
	}
	e.renewAt = time.Now().Add(t.g.o.Limits.RouteEvery)
	t.due = append(t.due, renewal{w.key, e.renewAt})
	t.mu.Unlock()
	if w.isNew && h.Holder != "" {
		t.g.chat.Takeover(&chatpb.Takeover{
			Instance: h.Holder, Tenant: string(w.key.user.Tenant()), User: w.key.user.ID(), Device: w.key.device, Epoch: h.Epoch,
		})
	}
}

// sleep returns false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	w := time.NewTimer(d)
	defer w.Stop()
	select {
	case <-w.C:
		return true
	case <-ctx.Done():
		return false
	}
}
