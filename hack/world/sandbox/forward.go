package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

const (
	dialTimeout     = 5 * time.Second
	handshakeWithin = 10 * time.Second
	maxConnections  = 25_000 // per world: the load tests' sockets, with room
)

// Inherited turns the descriptors that Launch passed on into listeners, and keeps children from inheriting them.
func Inherited(files int) ([]net.Listener, error) {
	var out []net.Listener
	for i := range files {
		unix.CloseOnExec(3 + i)
		f := os.NewFile(uintptr(3+i), fmt.Sprintf("listener-%d", i))
		l, err := net.FileListener(f)
		_ = f.Close() // FileListener made its own
		if err != nil {
			return nil, fmt.Errorf("descriptor %d: %w", 3+i, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// Forwarder carries connections that reach the host's loopback into the world: it accepts in the host's network
// namespace, whose sockets it was given, and dials in its own.
type Forwarder struct {
	log    *slog.Logger
	dialer *net.Dialer
	slots  chan struct{}
}

// NewForwarder returns a Forwarder that resolves names with the world's own DNS.
func NewForwarder(log *slog.Logger) *Forwarder {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(world.DNSIP, "53"))
	}}
	return &Forwarder{log: log, dialer: &net.Dialer{Timeout: dialTimeout, Resolver: resolver}, slots: make(chan struct{}, maxConnections)}
}

// Serve forwards each listener to its port's inside address until ctx ends; connections are then cut. It returns when
// every connection's goroutine has.
func (f *Forwarder) Serve(ctx context.Context, listeners []net.Listener, ports []world.Port) {
	var wg sync.WaitGroup
	for i, l := range listeners {
		p := ports[i]
		stop := context.AfterFunc(ctx, func() { _ = l.Close() })
		wg.Go(func() {
			defer stop()
			for {
				c, err := l.Accept()
				if err != nil {
					if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
						return
					}
					f.log.Warn("accept", "port", p.Name, "err", err)
					if !pauseFor(ctx, 100*time.Millisecond) { // out of descriptors: do not spin
						return
					}
					continue
				}
				select {
				case f.slots <- struct{}{}:
				default:
					_ = c.Close()
					continue
				}
				wg.Go(func() {
					defer func() { <-f.slots }()
					f.carry(ctx, c, p)
				})
			}
		})
	}
	wg.Wait()
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *Forwarder) carry(ctx context.Context, client net.Conn, p world.Port) {
	defer func() { _ = client.Close() }()
	target, from := p.Inside, io.Reader(client)
	if target == "" { // the proxy: the client says where to
		var err error
		if target, from, err = connectTarget(client); err != nil {
			return
		}
	}
	server, err := f.dialer.DialContext(ctx, "tcp4", target)
	if err != nil {
		f.log.Debug("dial", "port", p.Name, "target", target, "err", err)
		if p.Inside == "" {
			_, _ = io.WriteString(client, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		}
		return
	}
	defer func() { _ = server.Close() }()
	if p.Inside == "" {
		if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			return
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = client.Close(); _ = server.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { copyHalf(server, from) })
	copyHalf(client, server)
	wg.Wait()
}

// copyHalf copies one direction and passes its end on, so that half-closed connections work.
func copyHalf(to net.Conn, from io.Reader) {
	_, err := io.Copy(to, from)
	if tcp, ok := to.(*net.TCPConn); ok && err == nil {
		_ = tcp.CloseWrite()
		return
	}
	_ = to.Close()
}

// connectTarget reads an HTTP CONNECT request; the returned reader yields what follows it.
func connectTarget(c net.Conn) (string, io.Reader, error) {
	if err := c.SetReadDeadline(time.Now().Add(handshakeWithin)); err != nil {
		return "", nil, err
	}
	br := bufio.NewReader(c)
	req, err := http.ReadRequest(br)
	if err != nil {
		return "", nil, err
	}
	if req.Method != http.MethodConnect {
		_, _ = io.WriteString(c, "HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\n\r\n")
		return "", nil, fmt.Errorf("method %s", req.Method)
	}
	return req.Host, br, c.SetReadDeadline(time.Time{})
}
