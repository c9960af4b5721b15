package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"

	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
)

const (
	readHeaderTimeout = 5 * time.Second
	shutdownTimeout   = 5 * time.Second
	flushTimeout      = 10 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Gateway serves clients. Make it with New, start it with Run, once.
type Gateway struct {
	o      Options
	began  time.Time
	log    *slog.Logger
	m      *metrics
	tracer trace.Tracer
	traced bool
	hub    *hub
	marks  *markTable
	prober *prober
	routes *router
	// receipts and presences are what connections are told of others.
	receipts  *receipts
	presences *presences
	quotas    *quotas
	audit     *audit
	chat      *chatpool.Pool
	pulls     *semaphore.Weighted
	// histories bounds the pages that are read for sockets.
	histories *semaphore.Weighted

	// life ends when the drain is over: what serves connections outlives Run's context by that much.
	life    context.Context
	end     context.CancelFunc
	stopped <-chan struct{}
	work    chan job

	conns      sync.WaitGroup // goroutines of connections
	background sync.WaitGroup // everybody else's
	budget     *budget
	draining   atomic.Bool
	wasReady   atomic.Bool

	mu   sync.Mutex
	open map[*conn]struct{}
}

// New checks the options and registers the metrics. Nothing runs until Run.
func New(o Options) (*Gateway, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	g := &Gateway{
		o: o, began: time.Now(), log: o.Logger, hub: newHub(), work: make(chan job), open: map[*conn]struct{}{},
		pulls: semaphore.NewWeighted(int64(o.Limits.Pulls)), histories: semaphore.NewWeighted(int64(o.Limits.Histories)),
		traced: o.traced, tracer: o.Tracers.Tracer("github.com/chatcluster/chatcluster/runtime/gateway"),
	}
	g.budget = newBudget(o.Limits.MemoryBytes)
	g.life, g.end = context.WithCancel(context.Background())
	g.stopped = g.life.Done()
	g.marks = newMarkTable(g)
	g.prober = newProber(g)
	g.routes = newRouter(g)
	g.receipts, g.presences = newReceipts(g), newPresences(g)
	var err error
	if g.m, err = newMetrics(g, o.Registerer); err != nil {
		return nil, fmt.Errorf("register the gateway's metrics: %w", err)
	}
	g.audit = newAudit(o.Audit, g.m)
	if g.quotas, err = newQuotas(g); err != nil {
		return nil, err
	}
	o.Revocations.Subscribe(g.revoked)
	if o.Tenants != nil {
		o.Tenants.Subscribe(g.tenantsChanged)
	}
	g.chat, err = chatpool.New(chatpool.Options{
		Service: o.ChatService, Gateway: o.Name, Instance: g.routes.instance, Handler: g, Logger: o.Logger, Resolve: o.Resolve,
		Credentials: o.ChatCredentials,
	})
	return g, err
}

// Ready says why the gateway should get no new connections, if so. It begins with the first chat pod, and does not end with the
// last: without any, connections still read, and sends are answered with a retryable error.
func (g *Gateway) Ready(context.Context) error {
	switch {
	case g.draining.Load():
		return errors.New("the gateway is draining")
	case !g.wasReady.Load() && !g.chat.Ready():
		return chatpool.ErrNoPod
	}
	g.wasReady.Store(true)
	return nil
}

// Run serves on ln until ctx ends, drains, and returns when nothing of it runs any more: at most the drain period and about 25 s
// later. It closes ln.
func (g *Gateway) Run(ctx context.Context, ln net.Listener) error {
	defer g.background.Wait()
	defer g.conns.Wait()
	defer func() {
		g.end()
		for _, c := range g.connections() {
			c.cancel()
		}
	}()
	g.background.Go(func() { _ = g.chat.Run(g.life) })
	g.background.Go(func() { g.marks.run(g.life) })
	g.background.Go(func() { g.prober.run(g.life) })
	g.background.Go(func() { g.shedLoop(g.life) })
	g.background.Go(func() { g.routes.run(g.life) })
	g.background.Go(func() { g.receipts.run(g.life) })
	g.background.Go(func() { g.presences.run(g.life) })
	g.background.Go(func() { _ = g.quotas.shares.Run(g.life) })
	for range 4 * runtime.GOMAXPROCS(0) {
		g.background.Go(g.worker)
	}

	server := &http.Server{
		Handler: g.Handler(), ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: rest.Timeout, WriteTimeout: 2 * rest.Timeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	g.background.Go(func() { served <- server.Serve(ln) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		err = fmt.Errorf("serve: %w", err)
	}

	g.draining.Store(true)
	g.drain()
	stop, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if serr := server.Shutdown(stop); serr != nil {
		_ = server.Close()
	}
	flush, cancelFlush := context.WithTimeout(context.Background(), flushTimeout)
	defer cancelFlush()
	g.marks.flushAll(flush)
	return err
}

// admit takes a connection in. False: the gateway is draining or full.
func (g *Gateway) admit(c *conn) (ok, full bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open[c] = struct{}{}
	return !g.draining.Load(), len(g.open) > g.o.MaxConnections || g.budget.short()
}

func (g *Gateway) release(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
}

func (g *Gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open)
}

func (g *Gateway) connections() []*conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]*conn, 0, len(g.open))
	for c := range g.open {
		out = append(out, c)
	}
	return out
}
