package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Defaults of the producer.
const (
	DefaultRecordTimeout  = 10 * time.Second
	DefaultBufferRecords  = 20_000
	DefaultBufferBytes    = 32 << 20
	produceRequestTimeout = 3 * time.Second
	requestOverhead       = 3 * time.Second
)

var (
	// ErrBufferFull says that the record was not taken: too much waits for Kafka already.
	ErrBufferFull = errors.New("kafka: the producer's buffer is full")
	// ErrClosed says that the producer is closed.
	ErrClosed = errors.New("kafka: the producer is closed")
)

// ProducerOptions tune a Producer; zero values mean the defaults.
type ProducerOptions struct {
	// ClientID names the process to the brokers.
	ClientID string
	// RecordTimeout is how long a record may wait for its acknowledgment.
	RecordTimeout time.Duration
	// BufferRecords and BufferBytes bound what waits for Kafka.
	BufferRecords int
	BufferBytes   int
}

func (o ProducerOptions) withDefaults() ProducerOptions {
	if o.ClientID == "" {
		o.ClientID = "chatd"
	}
	if o.RecordTimeout <= 0 {
		o.RecordTimeout = DefaultRecordTimeout
	}
	if o.BufferRecords <= 0 {
		o.BufferRecords = DefaultBufferRecords
	}
	if o.BufferBytes <= 0 {
		o.BufferBytes = DefaultBufferBytes
	}
	return o
}

// Producer publishes records with acks=all. It is safe for concurrent use.
type Producer struct {
	client        *kgo.Client
	logTopic      string
	marksTopic    string
	verdictsTopic string
	auditTopic    string
	figuresTopic  string
	notifyDead    string

	mu     sync.RWMutex // held for reading around TryProduce, so that Close sees every record
	closed bool
}

// NewProducer returns a producer; it connects when the first record is published. Close it.
func NewProducer(cfg config.Kafka, o ProducerOptions) (*Producer, error) {
	o = o.withDefaults()
	opts, err := clientOptions(cfg, o.ClientID)
	if err != nil {
		return nil, err
	}
	opts = append(opts,
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// Every acknowledgment waits for this. Records find company without lingering: five requests to a broker are under way
		// at most, and what comes meanwhile goes with the next.
		kgo.ProducerLinger(0),
		kgo.RecordDeliveryTimeout(o.RecordTimeout),
		kgo.ProduceRequestTimeout(produceRequestTimeout),
		kgo.RequestTimeoutOverhead(requestOverhead),
		kgo.MaxBufferedRecords(o.BufferRecords),
		kgo.MaxBufferedBytes(o.BufferBytes),
		// A record in flight when the timeout ends is given up too: its outcome is unknown, the caller publishes it again and
		// consumers skip what they have. Without this a broker that hangs would hold the buffer for good.
		kgo.AllowIdempotentProduceCancellation(),
	)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("kafka producer: %w", err)
	}
	return &Producer{
		client:        client,
		logTopic:      FullName(cfg.TopicPrefix, LogTopic),
		marksTopic:    FullName(cfg.TopicPrefix, MarksTopic),
		verdictsTopic: FullName(cfg.TopicPrefix, VerdictsTopic),
		auditTopic:    FullName(cfg.TopicPrefix, AuditTopic),
		figuresTopic:  FullName(cfg.TopicPrefix, FiguresTopic),
		notifyDead:    FullName(cfg.TopicPrefix, DeadLetterTopic(NotifyGroup)),
	}, nil
}

// PublishBatch publishes a committed batch to the log topic and never blocks. done is called exactly once: with nil when
// Kafka has accepted the record, with ErrBufferFull at once when there is no room, or with an error that means that the
// outcome is unknown. It must not block.
func (p *Producer) PublishBatch(c store.Conv, kind string, b *logpb.Batch, done func(error)) {
	p.PublishTraced("", c, kind, b, done)
}

// PublishTraced is PublishBatch for a batch that a traced request brought: traceParent is its W3C trace context. A batch has one, though
// it may answer several requests.
func (p *Producer) PublishTraced(traceParent string, c store.Conv, kind string, b *logpb.Batch, done func(error)) {
	p.publish(p.logTopic, ConvKey(c), batchHeaders(c, b, traceParent), &eventpb.LogRecord{
		Tenant: string(c.Tenant()), Conversation: c.ID(), ConversationKind: kind, Batch: b,
	}, done)
}

// PublishMark publishes a read mark to the marks topic, on the same terms as PublishBatch.
func (p *Producer) PublishMark(u store.User, c store.Conv, read uint64, done func(error)) {
	p.publish(p.marksTopic, UserKey(u), headersOf(c, ""), &eventpb.MarkRecord{
		Tenant: string(u.Tenant()), User: u.ID(), Conversation: c.ID(), Read: read,
	}, done)
}

func (p *Producer) publish(topic string, key []byte, headers []kgo.RecordHeader, m proto.Message, done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	value, err := proto.Marshal(m)
	if err != nil {
		done(fmt.Errorf("kafka: encode: %w", err))
		return
	}
	p.mu.RLock()
	if p.closed {
		p.mu.RUnlock()
		done(ErrClosed)
		return
	}
	// The context is the client's life: the record's own timeout bounds it.
	p.client.TryProduce(context.Background(), &kgo.Record{Topic: topic, Key: key, Headers: headers, Value: value}, func(_ *kgo.Record, err error) {
		switch {
		case err == nil:
			done(nil)
		case errors.Is(err, kgo.ErrMaxBuffered):
			done(ErrBufferFull)
		default:
			done(fmt.Errorf("kafka: publish to %s: %w", topic, err))
		}
	})
	p.mu.RUnlock()
}

// Ping returns nil when a broker answers.
func (p *Producer) Ping(ctx context.Context) error {
	if err := p.client.Ping(ctx); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	return nil
}

// Close takes no more records, waits for those it has until ctx ends, and fails the rest.
func (p *Producer) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	err := p.client.Flush(ctx)
	p.client.Close()
	if err != nil {
		return fmt.Errorf("kafka: flush: %w", err)
	}
	return nil
}
