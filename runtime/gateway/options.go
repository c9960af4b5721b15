package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/credentials"

	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/tenants"
)

// Options of a Gateway. The dependencies, Name, ChatService, Logger and Registerer are required.
type Options struct {
	// Name is this gateway's own, the pod's.
	Name     string
	Verifier Verifier
	// Revocations are run by whoever makes them.
	Revocations Revocations
	Store       Store
	Marks       Marks
	MarkLog     MarkLog
	Inbox       Inbox
	History     History
	// Routes may be nil: then every chat pod delivers everything here, a device may be connected to two gateways, and nobody's
	// presence is known.
	Routes Routes
	// Audit may be nil: then nobody learns who signed in.
	Audit AuditLog
	// Figures may be nil: then nobody learns how soon messages are delivered.
	Figures Figures
	// Tenants may be nil: then nobody has quotas, and nobody is suspended.
	Tenants Tenants
	// Use may be nil: then each gateway gives the whole of a tenant's quota.
	Use tenants.Board
	// ChatService is the host and port of the chat pods' headless Service.
	ChatService string
	// Resolve looks the Service's host up; the system's resolver when nil.
	Resolve func(ctx context.Context, host string) ([]string, error)
	// ChatCredentials are what chat pods must satisfy; nil: everyone is believed, in the clear.
	ChatCredentials credentials.TransportCredentials
	// AllowedOrigins are the web origins that may connect, besides clients that send none.
	AllowedOrigins []string
	// Pages serves the web client, at / and below /app, which may connect. Nil: there is none.
	Pages http.Handler
	// MaxConnections is how many sockets are taken at a time.
	MaxConnections int
	// DrainPeriod is over what time a stopping gateway closes its connections.
	DrainPeriod time.Duration
	Limits      Limits
	RESTLimits  rest.Limits
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
	// Tracers make the spans of requests and sends; nil: no traces.
	Tracers trace.TracerProvider
	// traced says that Tracers were given.
	traced bool
}

// Limits tune a gateway. Zero values take the defaults given with each.
type Limits struct {
	// SendRate and SendBurst bound the messages of one connection: 50 a second, 100 at once.
	SendRate  rate.Limit
	SendBurst int
	// UserSendRate and UserSendBurst bound the messages of all of a user's connections to this gateway: 100 a second, 200 at once.
	UserSendRate  rate.Limit
	UserSendBurst int
	// FrameRate and FrameBurst bound all frames of one connection: 200 a second, 400 at once. A faster one is read more slowly.
	FrameRate  rate.Limit
	FrameBurst int
	// MaxPending bounds the sends of one connection that have no answer yet: 64.
	MaxPending int
	// QueueBytes bounds what waits to be written to one connection: 1 MiB.
	QueueBytes int
	// MemoryBytes bounds what is held for all connections together: frames that are read, entries that were pulled, frames that
	// wait to be written. Above it no connection is taken in and the slowest are closed, to come back; half as much again is never
	// passed. A quarter of Go's memory limit, or 256 MiB where there is none.
	MemoryBytes int64
	// Pulls is how many reads for connections that are behind run at a time: 32.
	Pulls int
	// Histories is how many pages of history are read for sockets at a time: 64.
	Histories int
	// HelloTimeout is how long a new connection may take to say hello: 10 s.
	HelloTimeout time.Duration
	// PingEvery is how often a connection is pinged, give or take a fifth: 30 s. One that says nothing for two and a half times as
	// long is closed.
	PingEvery time.Duration
	// WriteTimeout is how long one write to a connection may take: 10 s.
	WriteTimeout time.Duration
	// MarkFlushEvery is how often a mark is written to the store at most: a minute. A disconnect writes at once.
	MarkFlushEvery time.Duration
	// ProbeEvery is how often a conversation with a connection is compared with the store even when nothing is known to be
	// lost: 10 min. Each probe costs one strongly consistent read per gateway.
	ProbeEvery time.Duration
	// RouteEvery is how often a connection's route is renewed: 20 s. A connection that was replaced elsewhere learns it then at the
	// latest.
	RouteEvery time.Duration
	// LeaseEvery is how often the gateway's lease is renewed, a third of what it lasts: 5 s.
	LeaseEvery time.Duration
	// PresenceEvery is how often it is asked who is there, give or take a fifth: 3 s.
	PresenceEvery time.Duration
	// ShareEvery is how often gateways tell each other how many connections tenants with a quota have: 2 s. A quota may be passed
	// for as long.
	ShareEvery time.Duration
}

func (o *Options) check() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("gateway options: "+what+" is missing"))
		}
	}
	need(o.Name != "", "Name")
	need(o.Verifier != nil, "Verifier")
	need(o.Revocations != nil, "Revocations")
	need(o.Store != nil, "Store")
	need(o.Marks != nil, "Marks")
	need(o.MarkLog != nil, "MarkLog")
	need(o.Inbox != nil, "Inbox")
	need(o.History != nil, "History")
	need(o.ChatService != "", "ChatService")
	need(o.MaxConnections > 0, "MaxConnections")
	need(o.DrainPeriod > 0, "DrainPeriod")
	need(o.Logger != nil, "Logger")
	need(o.Registerer != nil, "Registerer")
	o.traced = o.Tracers != nil
	if !o.traced {
		o.Tracers = noop.NewTracerProvider()
	}
	o.Limits.fill()
	return errors.Join(errs...)
}

func (l *Limits) fill() {
	set(&l.SendRate, 50)
	set(&l.SendBurst, 100)
	set(&l.UserSendRate, 100)
	set(&l.UserSendBurst, 200)
	set(&l.FrameRate, 200)
	set(&l.FrameBurst, 400)
	set(&l.MaxPending, 64)
	set(&l.QueueBytes, 1<<20)
	set(&l.MemoryBytes, defaultBudget())
	set(&l.Pulls, 32)
	set(&l.Histories, 64)
	set(&l.HelloTimeout, 10*time.Second)
	set(&l.PingEvery, 30*time.Second)
	set(&l.WriteTimeout, 10*time.Second)
	set(&l.MarkFlushEvery, time.Minute)
	set(&l.ProbeEvery, 10*time.Minute)
	set(&l.RouteEvery, 20*time.Second)
	set(&l.LeaseEvery, 5*time.Second)
	set(&l.PresenceEvery, 3*time.Second)
	set(&l.ShareEvery, 2*time.Second)
}

func set[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
