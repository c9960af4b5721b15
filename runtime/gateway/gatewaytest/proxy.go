package gatewaytest

import (
	"io"
	"net"
	"strings"
	"sync"
)

// Proxy stands before gateways as a load balancer does: the test points it at one, cuts connections, or lets nobody through.
type Proxy struct {
	// URL is ws://…
	URL string

	mu     sync.Mutex
	target string
	conns  map[net.Conn]struct{}
	dials  int
}

// Proxy starts one. An empty target lets nobody through.
func (w *World) Proxy(target string) *Proxy {
	w.T.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.T.Fatal(err)
	}
	p := &Proxy{URL: "ws://" + ln.Addr().String(), conns: map[net.Conn]struct{}{}}
	p.Point(target)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(c) })
		}
	})
	w.T.Cleanup(func() {
		_ = ln.Close()
		p.Cut()
		wg.Wait()
	})
	return p
}

// Point sends new connections to a gateway's URL.
func (p *Proxy) Point(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = strings.TrimPrefix(url, "ws://")
}

// Cut ends all connections without a word.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Dials is how many connections came.
func (p *Proxy) Dials() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

func (p *Proxy) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	p.mu.Lock()
	p.dials++
	target := p.target
	p.mu.Unlock()
	if target == "" {
		return
	}
	up, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	p.mu.Lock()
	p.conns[c], p.conns[up] = struct{}{}, struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, c)
		delete(p.conns, up)
		p.mu.Unlock()
	}()
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(up, c); _ = up.Close() })
	_, _ = io.Copy(c, up)
	_ = c.Close()
	wg.Wait()
}
