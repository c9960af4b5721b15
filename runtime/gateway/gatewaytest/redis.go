package gatewaytest

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/config"
)

// Redis holds the world's routes. Its time stands still: FastForward makes leases lapse.
type Redis struct {
	*miniredis.Miniredis
	Cache *cache.Cache
	delay atomic.Int64
}

// UseRedis gives gateways and real pods that start from now on a Redis.
func (w *World) UseRedis() *Redis {
	w.T.Helper()
	m := miniredis.RunT(w.T)
	r := &Redis{Miniredis: m}
	c, err := cache.Connect(config.Redis{Addresses: []string{r.slowly(w, m.Addr())}, KeyPrefix: "p:"})
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { _ = c.Close() })
	r.Cache, w.Redis = c, r
	return r
}

// Slow has every command answered that much later.
func (r *Redis) Slow(d time.Duration) { r.delay.Store(int64(d)) }

// slowly returns an address that leads to Redis, as slowly as it is told.
func (r *Redis) slowly(w *World, target string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go r.relay(c, target)
		}
	}()
	return ln.Addr().String()
}

func (r *Redis) relay(c net.Conn, target string) {
	defer func() { _ = c.Close() }()
	up, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	go func() {
		pump(up, c, &r.delay)
		_ = c.Close()
	}()
	pump(c, up, nil)
}

// pump copies from a to b until either ends, each piece after the delay.
func pump(from, to net.Conn, delay *atomic.Int64) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if delay != nil {
			time.Sleep(time.Duration(delay.Load()))
		}
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
