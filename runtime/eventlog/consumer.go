package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatcluster/chatcluster/runtime/config"
)

// Defaults of the consumer.
const (
	DefaultBatchSize      = 500
	DefaultMaxPending     = 5_000
	DefaultRevokeTimeout  = 10 * time.Second
	DefaultCommitInterval = time.Second
	commitTimeout         = 5 * time.Second
)

// Handler processes records of one partition, in order. Calls for one partition never overlap; calls for several do.
// An error is retried with the same records for as long as it takes, so a handler must be repeatable. The context ends when
// the partition moves away or the consumer stops and the call did not return in time.
type Handler func(ctx context.Context, records []Record) error

// ConsumerOptions say what is consumed and how; zero values mean the defaults.
type ConsumerOptions struct {
	// Group is the consumer group, before the cluster's prefix: its dead-letter topic is DeadLetterTopic(Group). Required.
	Group string
	// Topics are the topics, before the cluster's prefix. Required.
	Topics []string
	// Handler processes the records. Required.
	Handler Handler
	// Deferred is for handlers that finish records later: a nil from the handler completes nothing, Record.Done does.
	// Records that were not done when the partition moved away or the process ended are delivered again.
	Deferred bool
	// Revoked, if set, is called after a partition has moved away: no call for it is running, what is not done will be
	// delivered elsewhere.
	Revoked func(topic string, partition int32)
	// ClientID names the process to the brokers.
	ClientID string
	// BatchSize is how many records a call of the handler gets at most.
	BatchSize int
	// MaxPending is how many records of a partition may be taken and not complete before it is paused. One fetch may
	// overshoot it.
	MaxPending int
	// RevokeTimeout is how long the call in progress may take when its partition moves away.
	RevokeTimeout time.Duration
	// CommitInterval is how often offsets are committed, besides when a partition moves away and at the end.
	CommitInterval time.Duration
	// Log takes what a person should know; nil discards it.
	Log *slog.Logger
	// Registerer takes the metrics; nil keeps them unseen.
	Registerer prometheus.Registerer
	// Tracer makes spans of records whose requests are traced, until they are complete; nil: no traces.
	Tracer trace.Tracer
}

func (o ConsumerOptions) withDefaults() (ConsumerOptions, error) {
	if o.Group == "" || len(o.Topics) == 0 || o.Handler == nil {
		return o, errors.New("kafka consumer: group, topics and handler are required")
	}
	if o.ClientID == "" {
		o.ClientID = "chatd"
	}
	if o.BatchSize <= 0 {
		o.BatchSize = DefaultBatchSize
	}
	if o.MaxPending <= 0 {
		o.MaxPending = DefaultMaxPending
	}
	if o.RevokeTimeout <= 0 {
		o.RevokeTimeout = DefaultRevokeTimeout
	}
	if o.CommitInterval <= 0 {
		o.CommitInterval = DefaultCommitInterval
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("group", o.Group)
	return o, nil
}

// Consumer is a member of a consumer group.
type Consumer struct {
	o       ConsumerOptions
	prefix  string
	client  *kgo.Client
	metrics *consumerMetrics

	mu      sync.Mutex
	workers map[partition]*worker
	wg      sync.WaitGroup
}

// sessionTimeout is how long the partitions of a process that died wait for their next owner: inboxes and pushes wait with them.
const sessionTimeout = 15 * time.Second

// partition names a partition; the topic is the full name.
type partition struct {
	topic string
	id    int32
}

// NewConsumer returns a consumer that joins its group at once; call Run.
func NewConsumer(cfg config.Kafka, o ConsumerOptions) (*Consumer, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	opts, err := clientOptions(cfg, o.ClientID)
	if err != nil {
		return nil, err
	}
	c := &Consumer{o: o, prefix: cfg.TopicPrefix, workers: map[partition]*worker{}}
	if c.metrics, err = newConsumerMetrics(o.Registerer, o.Group); err != nil {
		return nil, err
	}
	topics := make([]string, len(o.Topics))
	for i, t := range o.Topics {
		topics[i] = FullName(cfg.TopicPrefix, t)
	}
	opts = append(opts,
		kgo.ConsumerGroup(FullName(cfg.TopicPrefix, o.Group)),
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(sessionTimeout),
		// Taking records and giving up partitions never overlap: no record of a revoked partition gets a worker.
		kgo.BlockRebalanceOnPoll(),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(o.CommitInterval),
		kgo.OnPartitionsRevoked(c.revoked),
		kgo.OnPartitionsLost(c.lost),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordDeliveryTimeout(DefaultRecordTimeout),
		kgo.ProducerBatchMaxBytes(deadLetterMaxBytes),
	)
	if c.client, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("kafka consumer: %w", err)
	}
	return c, nil
}

// Ping returns nil when a broker answers.
func (c *Consumer) Ping(ctx context.Context) error {
	if err := c.client.Ping(ctx); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	return nil
}

// Run consumes until ctx ends. It returns when the workers have stopped, what is complete is committed and the group is
// left; the error says what of that went wrong. Call it once.
func (c *Consumer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		fetches := c.client.PollRecords(ctx, c.o.MaxPending)
		if fetches.IsClientClosed() {
			break
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.Canceled) && !errors.Is(e.Err, context.DeadlineExceeded) {
				c.o.Log.Warn("fetch failed", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
			}
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) > 0 {
				c.worker(ctx, partition{p.Topic, p.Partition}).give(p.Records, p.HighWatermark)
			}
		})
		c.client.AllowRebalance()
	}
	c.stopWorkers(c.all(), c.o.RevokeTimeout)
	err := c.commit(ctx)
	c.client.CloseAllowingRebalance()
	c.wg.Wait()
	return err
}

// worker returns the partition's worker and starts it where there is none.
func (c *Consumer) worker(ctx context.Context, p partition) *worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.workers[p]
	if !ok {
		// The end of Run's context must not cut a call short: stop does, after its grace.
		w = newWorker(context.WithoutCancel(ctx), c, p, strings.TrimPrefix(p.topic, c.prefix))
		c.workers[p] = w
		c.wg.Go(w.run)
	}
	return w
}

func (c *Consumer) all() []*worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	ws := make([]*worker, 0, len(c.workers))
	for p, w := range c.workers {
		ws = append(ws, w)
		delete(c.workers, p)
	}
	return ws
}

func (c *Consumer) take(parts map[string][]int32) []*worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ws []*worker
	for topic, ids := range parts {
		for _, id := range ids {
			p := partition{topic, id}
			if w, ok := c.workers[p]; ok {
				ws = append(ws, w)
				delete(c.workers, p)
			}
		}
	}
	return ws
}

// stopWorkers ends workers side by side: each gets grace for the call that it is in.
func (c *Consumer) stopWorkers(ws []*worker, grace time.Duration) {
	var wg sync.WaitGroup
	for _, w := range ws {
		wg.Go(func() { w.stop(grace) })
	}
	wg.Wait()
	for _, w := range ws {
		if c.o.Revoked != nil {
			c.o.Revoked(w.name, w.p.id)
		}
	}
}

// revoked runs while polling is blocked, and keeps the partitions until it returns.
func (c *Consumer) revoked(ctx context.Context, _ *kgo.Client, parts map[string][]int32) {
	c.stopWorkers(c.take(parts), c.o.RevokeTimeout)
	if err := c.commit(ctx); err != nil {
		c.o.Log.Warn("offsets not committed: the next owner repeats some work", "error", err)
	}
}

// lost is for partitions that already have another owner: a commit would rewind it.
func (c *Consumer) lost(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
	c.stopWorkers(c.take(parts), 0)
}

func (c *Consumer) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := c.client.CommitMarkedOffsets(ctx); err != nil {
		return fmt.Errorf("kafka: commit offsets: %w", err)
	}
	return nil
}
