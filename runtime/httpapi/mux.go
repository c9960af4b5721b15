package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Route is an operation.
type Route struct{ Method, Path string }

// Options of a Mux. All are required but AllowedOrigins and Pages.
type Options struct {
	// AllowedOrigins are the web origins that may call, besides clients that send none.
	AllowedOrigins []string
	// Pages serves web pages with GET and HEAD, at / and below PagesPath, which may call. Nil: there are none.
	Pages  http.Handler
	Logger *slog.Logger
	// Requests counts by route and status, Seconds measures by route, Panics counts the faults of this program.
	Requests *prometheus.CounterVec
	Seconds  *prometheus.HistogramVec
	Panics   prometheus.Counter
	// Tracer makes a span of each request.
	Tracer trace.Tracer
}

// Mux finds the operation of a request, and does around it what is the same for all.
type Mux struct {
	o   Options
	mux *http.ServeMux
	// sockets are the paths whose GET is an upgrade.
	sockets map[string]bool
	// pages is Pages, guarded; nil: there are none.
	pages http.Handler
}

// PagesPath is where web pages are, and what is below it.
const PagesPath = "/app"

// NewMux returns a mux of the operations; sockets are the paths whose GET is an upgrade.
func NewMux(o Options, operations map[Route]http.Handler, sockets ...string) *Mux {
	m := &Mux{o: o, mux: http.NewServeMux(), sockets: map[string]bool{}}
	for _, path := range sockets {
		m.sockets[path] = true
	}
	paths := map[string]map[string]http.Handler{}
	for r, h := range operations {
		if paths[r.Path] == nil {
			paths[r.Path] = map[string]http.Handler{}
		}
		paths[r.Path][r.Method] = h
	}
	for path, methods := range paths {
		m.mux.Handle(path, m.guard(path, methods))
	}
	m.mux.Handle("/", m.guard("other", nil))
	if o.Pages != nil {
		m.pages = m.guard(PagesPath, map[string]http.Handler{http.MethodGet: o.Pages})
	}
	return m
}

// ServeHTTP implements http.Handler. A path that the multiplexer would redirect to a cleaner one is no path of ours.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path := r.URL.Path; m.pages != nil && (path == "/" || path == PagesPath || strings.HasPrefix(path, PagesPath+"/")) {
		m.pages.ServeHTTP(w, r)
		return
	}
	if _, pattern := m.mux.Handler(r); pattern == "" || !clean(r.URL.EscapedPath()) {
		m.guard("other", nil).ServeHTTP(w, r)
		return
	}
	m.mux.ServeHTTP(w, r)
}

// Refuse answers for an error. One that is no refusal is our own fault, or that of what we depend on.
func (m *Mux) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	var told Refusal
	switch {
	case errors.As(err, &told):
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return // the client has gone
	case errors.Is(err, store.ErrInvalidID):
		told = Invalid("%s", err.Error())
	default:
		m.o.Logger.ErrorContext(r.Context(), "a request failed", "route", r.Pattern, "error", err)
		told = Refusal{Code: protocol.CodeUnavailable}
	}
	p := protocol.ProblemOf(told.Code, told.Detail)
	p.RetryAfterMS = uint32(told.Wait.Milliseconds())
	Problem(w, p)
}

// clean says whether the path has no empty, "." or ".." segment. What is escaped is the id's own.
func clean(path string) bool {
	for i, s := range strings.Split(path, "/") {
		if s == "." || s == ".." || (s == "") != (i == 0) {
			return false
		}
	}
	return true
}

// Bearer returns the token of the Authorization header, or "".
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
