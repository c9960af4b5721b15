package gateway

import (
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// routeWait is how long a hello waits for its route. Without it the chat pods are told to deliver everything here.
	routeWait = 200 * time.Millisecond
	// routeTimeout bounds one call.
	routeTimeout = time.Second
	// routeBatch bounds the routes of one call.
	routeBatch = 500
	// routePauseMax is the longest pause after calls that failed.
	routePauseMax = 2 * time.Second
)

// routeKey names a device: it has one connection.
type routeKey struct {
	user   store.User
	device string
}

// route is what Redis is to say of a device, and whether it does. router.mu guards it.
type route struct {
	conn  *conn // nil: the route is to be dropped
	epoch uint64
	tried bool // it was tried to be registered: it is not new any more
	ok    bool // registered
	// queued says that the key waits in router.queue.
	queued  bool
	renewAt time.Time
	// registered is closed when the connection's route is there for the first time.
	registered chan struct{}
}

// router registers the connections in Redis, renews them, and tells the chat pods whether all are registered: only then may they
// leave this gateway out. One goroutine speaks with Redis, so what it says of a device is in order.
type router struct {
	g        *Gateway
	r        Routes // nil: nobody is registered, and everything is delivered here
	instance string

	mu     sync.Mutex
	routes map[routeKey]*route
	queue  []routeKey
	due    []renewal // in order of time
	away   int       // connections that are not registered
	leased bool
	broken bool // the last call failed
	wake   chan struct{}
}

// renewal is when a route is renewed.
type renewal struct {
	key routeKey
	at  time.Time
}

func newRouter(g *Gateway) *router {
	return &router{
		g: g, r: g.o.Routes, instance: g.o.Name + "/" + strings.ToLower(cryptorand.Text()[:10]), routes: map[routeKey]*route{}, wake: make(chan struct{}, 1),
	}
}

// connect registers the connection, and waits a little for that: what is committed after it returns is delivered here, or heads
// tell of it.
func (t *router) connect(ctx context.Context, c *conn) {
	if t.r == nil {
		return
	}
	k := routeKey{c.user, c.device}
	t.mu.Lock()
	e := t.routes[k]
	if e == nil {
		e = &route{}
		t.routes[k] = e
	}
	if e.conn == nil || e.ok {
		t.away++
	}
	e.conn, e.ok, e.tried, e.epoch = c, false, false, uint64(time.Now().UnixMicro())
	e.registered = make(chan struct{})
	registered, broken := e.registered, t.broken
	t.enqueue(k, e)
	t.mu.Unlock()
	t.nudge()
	if !broken {
		wait := time.NewTimer(routeWait)
		defer wait.Stop()
		select {
		case <-registered:
			return
		case <-wait.C:
		case <-ctx.Done():
		}
	}
	t.g.chat.Routed(false)
	t.report() // it may have been registered meanwhile
}

// disconnect drops the connection's route unless a newer one of the device has it.
func (t *router) disconnect(c *conn) {
	if t.r == nil {
		return
	}
	k := routeKey{c.user, c.device}
	t.mu.Lock()
	if e := t.routes[k]; e != nil && e.conn == c {
		if !e.ok {
			t.away--
		}
		e.conn = nil
		t.enqueue(k, e)
	}
	t.mu.Unlock()
	t.nudge()
}

// enqueue has the route written. The lock is held.
func (t *router) enqueue(k routeKey, e *route) {
	if !e.queued {
		e.queued = true
		t.queue = append(t.queue, k)
	}
}

func (t *router) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// report tells the chat pods whether every connection is registered.
func (t *router) report() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.away == 0 && t.leased {
		t.g.chat.Routed(true)
	}
}

// run keeps Redis in line with the connections until ctx ends, when none is left, and then takes the gateway off.
func (t *router) run(ctx context.Context) {
	if t.r == nil {
		return
	}
	every := t.g.o.Limits.RouteEvery
	lease, tick := time.NewTimer(0), time.NewTicker(every/20+time.Millisecond)
	defer lease.Stop()
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			t.flush(ctx)
			return
		case <-lease.C:
			t.keepLease(ctx)
			lease.Reset(t.g.o.Limits.LeaseEvery*4/5 + rand.N(t.g.o.Limits.LeaseEvery/5+1))
		case now := <-tick.C:
			t.renew(now)
			t.write(ctx)
		case <-t.wake:
			t.write(ctx)
		}
	}
}

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
		w.conn.close(protocol.CloseReplaced, "the same device connected elsewhere")
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

// Takeover closes a connection whose device has connected again elsewhere.
func (g *Gateway) Takeover(in *chatpb.Takeover) {
	u, err := store.NewUser(store.Tenant(in.GetTenant()), in.GetUser())
	if err != nil || in.GetInstance() != g.routes.instance {
		return
	}
	k := routeKey{u, in.GetDevice()}
	g.routes.mu.Lock()
	e := g.routes.routes[k]
	var old *conn
	if e != nil && e.epoch < in.GetEpoch() {
		old = e.conn
	}
	g.routes.mu.Unlock()
	if old != nil {
		g.m.takeovers.Inc()
		old.close(protocol.CloseReplaced, "the same device connected elsewhere")
	}
}

// keepLease renews the lease. When Redis has lost it, every route may be lost with it: all are registered again before there is
// another, and until then the chat pods leave nothing out here.
func (t *router) keepLease(ctx context.Context) {
	kept, err := t.lease(ctx)
	t.mu.Lock()
	t.leased, t.broken = kept && err == nil, err != nil
	t.mu.Unlock()
	if err != nil {
		// Redis may have it still, and be right: whoever cannot read it there takes it as not known.
		t.g.m.routeErrors.Inc()
		t.g.log.Debug("the gateway's lease is not renewed", "error", err)
	}
	t.report()
}

func (t *router) lease(ctx context.Context) (bool, error) {
	if kept, err := t.call(ctx, t.r.RenewGateway); err != nil || kept {
		return kept, err
	}
	_, err := t.call(ctx, func(ctx context.Context, in string) (bool, error) { return true, t.r.BeginGateway(ctx, in) })
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	for k, e := range t.routes {
		t.enqueue(k, e)
	}
	t.mu.Unlock()
	for more := true; more; {
		if more, err = t.writeSome(ctx); err != nil {
			return false, err
		}
	}
	return t.call(ctx, t.r.FinishGateway)
}

func (t *router) call(ctx context.Context, f func(context.Context, string) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, routeTimeout)
	defer cancel()
	return f(ctx, t.instance)
}

// flush drops what is left and gives the lease back.
func (t *router) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*routeTimeout)
	defer cancel()
	for more := true; more; {
		var err error
		if more, err = t.writeSome(ctx); err != nil {
			return // what is left lapses
		}
	}
	if err := t.r.EndGateway(ctx, t.instance); err != nil {
		t.g.log.Debug("the gateway's lease is left to lapse", "error", err)
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
