package gateway

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// conn is one client's connection. user and device are set by hello, before anything else can reach the connection.
type conn struct {
	g       *Gateway
	nc      net.Conn
	in      inbound
	out     writer
	ctx     context.Context // ends with the connection
	cancel  context.CancelFunc
	closing atomic.Bool
	// held is what is held for the connection beside its queue: the frame that is read, entries that were pulled.
	held atomic.Int64
	// holding is the reader's part of held.
	holding int
	// greeted says that hello succeeded. Only the reader and the worker that it waits for touch it.
	greeted bool
	handled chan struct{}

	// accepted is when, since the gateway began.
	accepted time.Duration
	user     store.User
	device   string
	// early is whom the request's Authorization header spoke for.
	early *Principal
	// alone says that the user had no other device at hello.
	alone bool

	mu       sync.Mutex
	live     bool  // welcome is queued: entries may follow
	liveAt   int64 // since when, in Unix milliseconds
	finished bool  // the reader is ending: nothing new starts
	cursors  map[store.Conv]*cursor
	pulls    []*cursor
	pulling  bool
	outlets  map[store.Conv]*outlet
	pending  int // sends without an answer
	leaving  bool
	sendRate *rate.Limiter
	userRate *rate.Limiter // shared by the user's connections
	session  session
	// refreshing says that a new token is being verified; histories is how many pages are waited for.
	refreshing bool
	histories  int
	typing     map[store.Conv]typing
	// watchedAt is when the connection last said whom it watches.
	watchedAt time.Time

	// counted says that the connection has its place under its tenant's quota; the lock of quotas guards both.
	counted bool
	tenant  store.Tenant
	// watches is whom it watches; the lock of presences guards it.
	watches []store.User

	timer *time.Timer
}

func newConn(g *Gateway, nc net.Conn, early *Principal) *conn {
	c := &conn{g: g, nc: nc, early: early, accepted: time.Since(g.began), handled: make(chan struct{}, 1)}
	c.in = newInbound(nc, c.onControl, c.holdFrame)
	// Not a child of the gateway's life, whose list of children would cost more than the context: Run cancels who is left.
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.out = writer{nc: c.nc, limit: g.o.Limits.QueueBytes, timeout: g.o.Limits.WriteTimeout, spawn: g.conns.Go, total: g.budget}
	return c
}

// idle is how long the connection may say nothing.
func (c *conn) idle() time.Duration { return c.g.o.Limits.PingEvery * 5 / 2 }

// startTimer begins the pings and watches the token's expiry.
func (c *conn) startTimer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return
	}
	c.timer = time.AfterFunc(c.nextTick(), c.tick)
}

// nextTick is how long it is to the next ping or the token's next event. conn.mu is held.
func (c *conn) nextTick() time.Duration {
	every := c.g.o.Limits.PingEvery
	d := every*4/5 + rand.N(every*2/5)
	if at := c.session.next(); !at.IsZero() {
		d = min(d, max(time.Until(at), 0))
	}
	return d
}

func (c *conn) tick() {
	c.out.push(pingFrame)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.finished && !c.closing.Load() && c.watchToken(time.Now()) {
		c.timer.Reset(c.nextTick())
	}
}

// push queues a frame and closes the connection when it does not fit.
func (c *conn) push(frame []byte, kind string) bool {
	switch c.out.push(frame) {
	case queued:
		c.g.m.sent(kind)
		return true
	case overflow:
		c.close(protocol.CloseSlow, "the connection did not keep up")
	}
	return false
}

func (c *conn) pushFrame(f *protocol.ServerFrame) bool {
	if f.Type == protocol.TypeError {
		c.g.m.errors.WithLabelValues(string(f.Code)).Inc()
	}
	return c.push(encode(f), f.Type)
}

// tell pushes a frame that may get lost: before the welcome it does.
func (c *conn) tell(frame []byte, kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live {
		c.push(frame, kind)
	}
}

// close ends the connection with a code after what is queued; the first close wins. It may be called with or without conn.mu.
func (c *conn) close(code protocol.CloseCode, reason string) {
	if !c.closing.CompareAndSwap(false, true) {
		return
	}
	c.g.m.closed(code)
	c.out.close(closeFrame(code, reason), code == protocol.CloseSlow)
	c.cancel()
}

// finish cleans up after the reader, which is the connection's owner.
func (c *conn) finish() {
	if c.closing.CompareAndSwap(false, true) {
		c.g.m.closed(0)
	}
	c.cancel()
	c.out.abandon()
	_ = c.nc.Close()

	c.mu.Lock()
	c.finished = true
	if c.timer != nil {
		c.timer.Stop()
	}
	convs := make([]store.Conv, 0, len(c.cursors))
	for v := range c.cursors {
		convs = append(convs, v)
	}
	c.outlets = nil
	c.mu.Unlock()
	c.g.quotas.release(c)

	if !c.greeted {
		return
	}
	c.g.hub.removeUser(c)
	c.g.routes.disconnect(c)
	c.g.presences.leave(c)
	for _, v := range convs {
		c.g.hub.removeConv(v, c)
	}
	c.g.marks.flushDevice(c.user, c.device, convs)
}
