package gateway

import (
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// routeWait is how long a hello waits for its route. Without it the chat pods are told to deliver everything here.
	routeWait = 200 * time.Millisecond
	// routeTimeout bounds one call.
	routeTimeout = time.Second
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
	e.conn, e.ok, e.tried, e.epoch = c, false, false, uint64(t.g.began.Add(c.accepted).UnixMicro())
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
