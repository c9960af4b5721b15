package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ops is what every role serves beside its work: liveness, readiness and metrics.
type ops struct {
	registry *prometheus.Registry
	// registerer takes the role's metrics.
	registerer prometheus.Registerer
	// whole is what this is a part of, if it is.
	whole *ops
	part  string
	mu    sync.Mutex
	// checks are the role's; until it has named them it is starting, and not ready.
	checks []*checked
	// draining turns readiness off before the role stops.
	draining atomic.Bool
	// debugAddr is where pprof is served; nowhere when empty.
	debugAddr string
	log       *slog.Logger
}

func newOps(log *slog.Logger) *ops {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &ops{registry: r, registerer: r, log: log}
}

// of returns the part of one role where a process has several: its metrics carry the role's name, its checks too.
func (o *ops) of(role string) *ops {
	return &ops{registerer: prometheus.WrapRegistererWith(prometheus.Labels{"role": role}, o.registry), whole: o, part: role + ": ", log: o.log}
}

// require names what the role uses.
func (o *ops) require(checks ...check) {
	if o.whole != nil {
		for _, c := range checks {
			c.name = o.part + c.name
			o.whole.require(c)
		}
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range checks {
		o.checks = append(o.checks, &checked{check: c})
	}
}

func (o *ops) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", o.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.registry, promhttp.HandlerOpts{}))
	return mux
}

// ready answers 200 when nothing is missing that the role cannot do without, else 503; the body names each check and what is
// wrong with it, of those that do not count too.
func (o *ops) ready(w http.ResponseWriter, r *http.Request) {
	status, body := o.look(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// look makes the checks, all at once.
func (o *ops) look(ctx context.Context) (status int, body map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	o.mu.Lock()
	checks := slices.Clone(o.checks)
	o.mu.Unlock()
	results, unready := make([]string, len(checks)), make([]bool, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { results[i], unready[i] = c.outcome(ctx) })
	}
	wg.Wait()

	status, body = http.StatusOK, map[string]string{}
	if len(checks) == 0 {
		body["starting"] = "the process has not come so far yet"
		status = http.StatusServiceUnavailable
	}
	for i, c := range checks {
		body[c.name] = results[i]
		if unready[i] {
			status = http.StatusServiceUnavailable
		}
	}
	if o.draining.Load() {
		body["draining"] = "the process is stopping"
		status = http.StatusServiceUnavailable
	}
	return status, body
}

// serve serves the probes, and pprof where that is asked for, until ctx ends.
func (o *ops) serve(ctx context.Context, addr string) error {
	probes := &http.Server{Handler: o.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	if o.debugAddr == "" {
		return listenAndServe(ctx, addr, probes)
	}
	return beside(ctx,
		func(ctx context.Context) error { return listenAndServe(ctx, addr, probes) },
		// A profile takes as long as its client asks for.
		func(ctx context.Context) error {
			return listenAndServe(ctx, o.debugAddr, &http.Server{Handler: profiles(), ReadHeaderTimeout: 5 * time.Second})
		})
}

// profiles serves net/http/pprof. It has a port of its own that no Service names: profiles tell more than metrics, and cost more.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func listenAndServe(ctx context.Context, addr string, srv *http.Server) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
