package fault

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// dialTimeout bounds the connection to a target.
const dialTimeout = 2 * time.Second

// TCP forwards connections to one of its targets, any that takes them.
type TCP struct {
	ln      net.Listener
	targets []string
	// serve forwards one connection; plain copying unless a protocol needs more.
	serve func(t *TCP, client, server net.Conn)
	wg    sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	closed  bool
	refuses bool
	stalled chan struct{} // not nil while nothing may pass; closed when it may again
}

// anywhere is a free port of the loopback.
const anywhere = "127.0.0.1:0"

// NewTCP starts a proxy on a free port of the loopback.
func NewTCP(ctx context.Context, targets ...string) (*TCP, error) {
	return newTCP(ctx, pipe, anywhere, targets...)
}

// NewTCPAt starts a proxy that listens on an address.
func NewTCPAt(ctx context.Context, listen string, targets ...string) (*TCP, error) {
	return newTCP(ctx, pipe, listen, targets...)
}

func newTCP(ctx context.Context, serve func(*TCP, net.Conn, net.Conn), listen string, targets ...string) (*TCP, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, err
	}
	t := &TCP{ln: ln, targets: targets, serve: serve, conns: map[net.Conn]struct{}{}}
	t.wg.Go(t.accept)
	return t, nil
}

// Addr is where clients connect.
func (t *TCP) Addr() string { return t.ln.Addr().String() }

// Close ends everything.
func (t *TCP) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	err := t.ln.Close()
	t.Stall(false)
	t.Cut(1)
	t.wg.Wait()
	return err
}

// Cut ends a share of the connections, 1 for all.
func (t *TCP) Cut(share float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		if rand.Float64() < share {
			_ = c.Close()
		}
	}
}

// Refuse cuts all connections and takes no new ones, until it is told otherwise.
func (t *TCP) Refuse(on bool) {
	t.mu.Lock()
	t.refuses = on
	t.mu.Unlock()
	if on {
		t.Cut(1)
	}
}

// Stall lets nothing pass and keeps all connections open, until it is told otherwise.
func (t *TCP) Stall(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case on && t.stalled == nil:
		t.stalled = make(chan struct{})
	case !on && t.stalled != nil:
		close(t.stalled)
		t.stalled = nil
	}
}

// pass waits while nothing may pass.
func (t *TCP) pass() {
	for {
		t.mu.Lock()
		stalled := t.stalled
		t.mu.Unlock()
		if stalled == nil {
			return
		}
		<-stalled
	}
}

func (t *TCP) accept() {
	for {
		c, err := t.ln.Accept()
		if err != nil {
			return
		}
		t.wg.Go(func() { t.handle(c) })
	}
}

// keep notes a connection, unless it must not be.
func (t *TCP) keep(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.refuses {
		return false
	}
	t.conns[c] = struct{}{}
	return true
}

func (t *TCP) forget(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, c)
}

func (t *TCP) handle(client net.Conn) {
	defer client.Close()
	if !t.keep(client) {
		return
	}
	defer t.forget(client)
	server := t.dial()
	if server == nil {
		return
	}
	defer server.Close()
	if !t.keep(server) {
		return
	}
	defer t.forget(server)
	t.serve(t, client, server)
}

// dial connects to a target, beginning anywhere.
func (t *TCP) dial() net.Conn {
	for _, i := range rand.Perm(len(t.targets)) {
		ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", t.targets[i])
		cancel()
		if err == nil {
			return c
		}
	}
	return nil
}

// pipe copies both ways until one of them ends.
func pipe(t *TCP, client, server net.Conn) {
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		wg.Go(func() {
			defer client.Close()
			defer server.Close()
			buf := make([]byte, 32<<10)
			for {
				n, err := way[0].Read(buf)
				t.pass()
				if n > 0 {
					if _, werr := way[1].Write(buf[:n]); werr != nil {
						return
					}
				}
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}
