package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// checkTimeout bounds one readiness check: the kubelet's own timeout is longer, so that the answer names what is slow.
const checkTimeout = 2 * time.Second

// check says whether something the role cannot do without is there.
type check struct {
	name string
	run  func(context.Context) error
}

// ops is what every role serves beside its work: liveness, readiness and metrics.
type ops struct {
	registry *prometheus.Registry
	mu       sync.Mutex
	// checks are the role's; until it has named them it is starting, and not ready.
	checks []check
	// draining turns readiness off before the role stops.
	draining atomic.Bool
	log      *slog.Logger
}

func newOps(log *slog.Logger) *ops {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &ops{registry: r, log: log}
}

// require names what the role cannot do without.
func (o *ops) require(checks ...check) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.checks = append(o.checks, checks...)
}

func (o *ops) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", o.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.registry, promhttp.HandlerOpts{}))
	return mux
}

// ready answers 200 when every check passes, else 503; the body names each check and what is wrong with it.
func (o *ops) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	o.mu.Lock()
	checks := slices.Clone(o.checks)
	o.mu.Unlock()
	results := make([]string, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() {
			results[i] = "ok"
			if err := c.run(ctx); err != nil {
				results[i] = err.Error()
			}
		})
	}
	wg.Wait()

	status := http.StatusOK
	body := map[string]string{}
	if len(checks) == 0 {
		body["starting"] = "the process has not come so far yet"
		status = http.StatusServiceUnavailable
	}
	for i, c := range checks {
		body[c.name] = results[i]
		if results[i] != "ok" {
			status = http.StatusServiceUnavailable
		}
	}
	if o.draining.Load() {
		body["draining"] = "the process is stopping"
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// serve serves the probes until ctx ends.
func (o *ops) serve(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: o.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
