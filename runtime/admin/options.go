package admin

import (
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

const (
	// Timeout bounds a request.
	Timeout = 15 * time.Second
	// StreamTimeout bounds a request whose answer is an archive.
	StreamTimeout = 30 * time.Minute
)

// Options of an Admin. What is not said to be optional is required.
type Options struct {
	Verifier    Verifier
	Revocations Revocations
	Audit       AuditTopic
	Store       Store
	Model       Model
	History     History
	Chat        Chat
	Tenants     Tenants
	AuditLog    AuditLog
	// Mutes, Stats, Erasures, Exports and Holds are optional: without one its operations answer that there is no such thing.
	Mutes    Mutes
	Stats    Stats
	Erasures Erasures
	Exports  Exports
	Holds    Holds
	// AllowedOrigins are the web origins that may call, besides clients that send none.
	AllowedOrigins []string
	Limits         Limits
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
	Tracer         trace.Tracer
}

// Limits tune an Admin. Zero values take the defaults given with each.
type Limits struct {
	// RequestRate and RequestBurst bound the requests of one caller on this pod: 10 a second, 50 at once.
	RequestRate  rate.Limit
	RequestBurst int
}

// ratedCallers is for how many callers rates are kept at a time.
const ratedCallers = 10_000

func (o *Options) check() error {
	if o.Verifier == nil || o.Revocations == nil || o.Audit == nil || o.Store == nil || o.Model == nil || o.History == nil || o.Chat == nil ||
		o.Tenants == nil || o.AuditLog == nil || o.Logger == nil || o.Registerer == nil || o.Tracer == nil {
		return errors.New("admin: an option that is required is missing")
	}
	if o.Limits.RequestRate == 0 {
		o.Limits.RequestRate = 10
	}
	if o.Limits.RequestBurst == 0 {
		o.Limits.RequestBurst = 50
	}
	return nil
}
