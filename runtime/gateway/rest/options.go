package rest

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

// Timeout bounds a request.
const Timeout = 15 * time.Second

// Options of an API. All are required but Routes, AllowedOrigins, Pages and Limits.
type Options struct {
	Verify  Verify
	Store   Store
	Chat    Chat
	Inbox   Inbox
	History History
	Marks   Marks
	SignOut SignOut
	// Routes may be nil: nobody is known to be connected.
	Routes   Routes
	Presence Presence
	// Socket serves GET /v1/ws; origins and faults are taken care of.
	Socket http.HandlerFunc
	// AllowedOrigins are the web origins that may call, besides clients that send none.
	AllowedOrigins []string
	// Pages serves the web client. Nil: there is none.
	Pages  http.Handler
	Limits Limits
	Logger *slog.Logger
	// Requests counts by route and status, Seconds measures by route, Panics counts the faults of this program.
	Requests *prometheus.CounterVec
	Seconds  *prometheus.HistogramVec
	Panics   prometheus.Counter
	// Tracer makes a span of each request.
	Tracer trace.Tracer
}

// Limits tune an API. Zero values take the defaults given with each.
type Limits struct {
	// RequestRate and RequestBurst bound the requests of one user on this gateway: 50 a second, 100 at once.
	RequestRate  rate.Limit
	RequestBurst int
	// RatedUsers is for how many users rates are kept at a time: 100,000.
	RatedUsers int
}

func (l *Limits) fill() {
	if l.RequestRate == 0 {
		l.RequestRate = 50
	}
	if l.RequestBurst == 0 {
		l.RequestBurst = 100
	}
	if l.RatedUsers == 0 {
		l.RatedUsers = 100_000
	}
}
