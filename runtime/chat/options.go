package chat

import (
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/chatcluster/chatcluster/runtime/tenants"
)

// Options make a Service; zero values of the tunables mean the defaults.
type Options struct {
	// Pod is this pod's name: gateways pick owners by it. Required.
	Pod string
	// Store, Publisher are required. Registry may be nil: then nobody settles the lanes of a pod that died until they are
	// used again.
	Store     Store
	Publisher Publisher
	Registry  Registry
	// Routes may be nil: then everything is delivered to every gateway.
	Routes Routes
	// Tenants may be nil: then nobody has a quota, and everybody HotRetention.
	Tenants Tenants
	// Mutes may be nil: then nobody is muted.
	Mutes Mutes
	// Use may be nil: then each pod gives the whole of a tenant's quota.
	Use tenants.Board
	// HotRetention is how long batches stay in the store. Zero: for ever.
	HotRetention time.Duration
	// Credentials are what gateways must satisfy; nil: everyone is taken, in the clear.
	Credentials credentials.TransportCredentials
	// Log takes what a person should know; nil discards it.
	Log *slog.Logger
	// Registerer takes the metrics; nil keeps them unseen.
	Registerer prometheus.Registerer
	// Tracer makes spans of what is put for requests that are traced; nil: no traces.
	Tracer trace.Tracer

	Tunables
}

// Tunables are times and bounds. Default in brackets.
type Tunables struct {
	// SendTimeout is how long a request may take until it is answered with unavailable [5 s].
	SendTimeout time.Duration
	// StoreTimeout bounds one call of the store [2 s].
	StoreTimeout time.Duration
	// KafkaTimeout is how long a batch waits for Kafka before the outbox takes it [2 s].
	KafkaTimeout time.Duration
	// BreakerFailures is how many publications in a row fail before batches go to the outbox directly [5].
	BreakerFailures int
	// BreakerProbe is how often Kafka is tried while the breaker is open [1 s].
	BreakerProbe time.Duration
	// LaneSlots is how many requests of one conversation are accepted and not answered [256].
	LaneSlots int
	// LaneBytesPerSecond bounds what is written to one conversation, below the 1 MB/s that a DynamoDB partition takes
	// [700 KB].
	LaneBytesPerSecond int
	// LaneEntriesPerSecond bounds what is appended to one conversation, by one pod [1,000].
	LaneEntriesPerSecond int
	// UserEntriesPerSecond bounds what one user appends in all conversations together, by one pod [200]. A user whose conversations
	// lie with n pods may reach n times that: it is a guard of the pod, not a quota. Verdicts and erasures are not counted.
	UserEntriesPerSecond int
	// LimitedUsers is how many users that is remembered for [100,000].
	LimitedUsers int
	// MaxLanes is how many conversations are open at most [100,000].
	MaxLanes int
	// LaneIdle is how long a lane stays open without activity [10 min].
	LaneIdle time.Duration
	// HeadsEvery is how often heads are announced [5 s], for HeadsFor after activity [1 min].
	HeadsEvery time.Duration
	HeadsFor   time.Duration
	// OutboxEvery is how often shards that owe something are drained [1 s]; OutboxIdle is how long a round over all shards
	// takes when none is known to [10 s].
	OutboxEvery time.Duration
	OutboxIdle  time.Duration
	// RenewEvery is how often the lease of the open lanes is renewed, and lapsed lanes are looked for [5 s].
	RenewEvery time.Duration
	// Grace is how long a drain may take [20 s].
	Grace time.Duration
	// ShareEvery is how often pods tell each other what tenants with a quota send [2 s]: a quota may be passed for as long.
	ShareEvery time.Duration
	// StreamBytes bounds the deliveries that wait for one gateway [8 MiB]; half of it bounds the results.
	StreamBytes int
}

func (o Options) withDefaults() (Options, error) {
	if o.Pod == "" || o.Store == nil || o.Publisher == nil {
		return o, errors.New("chat: pod, store and publisher are required")
	}
	if o.Credentials == nil {
		o.Credentials = insecure.NewCredentials()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	duration := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	number := func(n *int, def int) {
		if *n <= 0 {
			*n = def
		}
	}
	duration(&o.SendTimeout, 5*time.Second)
	duration(&o.StoreTimeout, 2*time.Second)
	duration(&o.KafkaTimeout, 2*time.Second)
	number(&o.BreakerFailures, 5)
	duration(&o.BreakerProbe, time.Second)
	number(&o.LaneSlots, 256)
	number(&o.LaneBytesPerSecond, 700<<10)
	number(&o.LaneEntriesPerSecond, 1000)
	number(&o.UserEntriesPerSecond, 200)
	number(&o.LimitedUsers, 100_000)
	number(&o.MaxLanes, 100_000)
	duration(&o.LaneIdle, 10*time.Minute)
	duration(&o.HeadsEvery, 5*time.Second)
	duration(&o.HeadsFor, time.Minute)
	duration(&o.OutboxEvery, time.Second)
	duration(&o.OutboxIdle, 10*time.Second)
	duration(&o.RenewEvery, 5*time.Second)
	duration(&o.Grace, 20*time.Second)
	duration(&o.ShareEvery, tenants.DefaultShareEvery)
	number(&o.StreamBytes, 8<<20)
	return o, nil
}
