package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
)

const (
	readHeaderTimeout = 5 * time.Second
	shutdownTimeout   = 20 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Admin serves /admin/v1. Make it with New, start it with Run, once.
type Admin struct {
	o     Options
	m     *metrics
	mux   *httpapi.Mux
	rates *httpapi.Rates
	now   func() time.Time
}

// New checks the options and registers the metrics.
func New(o Options) (*Admin, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register the admin role's metrics: %w", err)
	}
	a := &Admin{o: o, m: m, rates: httpapi.NewRates(o.Limits.RequestRate, o.Limits.RequestBurst, ratedCallers), now: time.Now}
	served := map[httpapi.Route]http.Handler{}
	for r, op := range operations {
		served[r] = a.serve(op)
	}
	a.mux = httpapi.NewMux(httpapi.Options{
		AllowedOrigins: o.AllowedOrigins, Logger: o.Logger, Requests: m.requests, Seconds: m.seconds, Panics: m.panics, Tracer: o.Tracer,
	}, served)
	return a, nil
}

// Routes are the operations that there are, in order.
func Routes() []httpapi.Route {
	var out []httpapi.Route
	for r := range operations {
		out = append(out, r)
	}
	slices.SortFunc(out, func(x, y httpapi.Route) int { return strings.Compare(x.Path+" "+x.Method, y.Path+" "+y.Method) })
	return out
}

// Handler serves the API. Run serves it; tests may serve it elsewhere.
func (a *Admin) Handler() http.Handler { return a.mux }

// Run serves on ln until ctx ends, lets requests end, and returns. It closes ln.
func (a *Admin) Run(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler: a.mux, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: Timeout, WriteTimeout: 2 * Timeout, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(a.o.Logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		_ = server.Close() // an archive that takes longer is cut off: whoever wants it asks again
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
