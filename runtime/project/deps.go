package project

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Model is what writes the read model: readmodel.Writer.
type Model interface {
	Apply(ctx context.Context, records []readmodel.Record) (readmodel.Applied, error)
	ApplyMarks(ctx context.Context, marks []readmodel.Mark) error
	RetryParked(ctx context.Context, limit int) (readmodel.Applied, error)
	CountParked(ctx context.Context) (int, error)
	ClaimTails(ctx context.Context, limit int) ([]readmodel.Tail, error)
	TailRaised(ctx context.Context, t readmodel.Tail) error
	OweCache(ctx context.Context) error
	CacheDebt(ctx context.Context) (generation int64, err error)
	CachePaid(ctx context.Context, generation int64) error
	KeepPartitions(ctx context.Context) (readmodel.Upkeep, error)
	TenantsAfter(ctx context.Context, after store.Tenant, limit int) ([]store.Tenant, error)
	ForgetBefore(ctx context.Context, t store.Tenant, before time.Time, after string) (readmodel.Forgotten, error)
}

// Cache is the inbox's cache.
type Cache interface {
	DropList(ctx context.Context, users ...store.User) error
	PutSummaries(ctx context.Context, summaries []cache.Summary) error
	ForgetInboxes(ctx context.Context) error
}

// Tails raises tail marks in the store, and the floor of conversations that are parked.
type Tails interface {
	RaiseTail(ctx context.Context, c store.Conv, tail, count uint64) error
	RaiseFloor(ctx context.Context, c store.Conv, floor uint64) error
}

// Options are what a Projector needs. All but Tenants, Log and Registerer are required.
type Options struct {
	Model Model
	Cache Cache
	Tails Tails
	// Tenants may be nil: then no tenant has a retention of its own.
	Tenants Tenants
	// HotRetention is how long the store keeps messages: the projector must never be that far behind.
	HotRetention time.Duration
	Log          *slog.Logger
	Registerer   prometheus.Registerer
}

// Projector is the role.
type Projector struct {
	o       Options
	log     *slog.Logger
	metrics *metrics
	refresh *refresher
	warned  rarely
	// reached is the last tenant whose history a round has looked at; forgetHistory's alone.
	reached store.Tenant
}

// New returns a projector; start Run, and give Consumer's options to a consumer.
func New(o Options) (*Projector, error) {
	if o.Model == nil || o.Cache == nil || o.Tails == nil || o.HotRetention <= 0 {
		return nil, errors.New("project: model, cache, tails and hot retention are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	m.retention.Set(o.HotRetention.Seconds())
	return &Projector{o: o, log: o.Log, metrics: m, refresh: newRefresher(o.Cache, o.Model.OweCache, o.Log, m)}, nil
}

// Bounds of what the consumer takes at a time.
const (
	batchSize  = 200
	maxPending = 20_000
)

// Consumer returns how the projector's records are consumed; the caller adds client id, log and registerer.
func (p *Projector) Consumer() eventlog.ConsumerOptions {
	return eventlog.ConsumerOptions{
		Group:      eventlog.ProjectGroup,
		Topics:     []string{eventlog.LogTopic, eventlog.MarksTopic},
		Handler:    p.Handle,
		Deferred:   true,
		BatchSize:  batchSize,
		MaxPending: maxPending,
		Revoked: func(topic string, partition int32) {
			p.metrics.lag.DeleteLabelValues(topic, partitionLabel(partition))
		},
	}
}
