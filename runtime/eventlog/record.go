package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Record is one decoded record. Exactly one of Batch, Mark, Verdict, Audit and Figures is set.
type Record struct {
	// Topic is without the cluster's prefix.
	Topic     string
	Partition int32
	Offset    int64
	// Timestamp is when the record was published; a batch may be published more than once.
	Timestamp time.Time
	// TraceParent is the W3C trace context of what the record was published for, empty where that is not traced.
	TraceParent string

	Batch   *BatchRecord
	Mark    *MarkRecord
	Verdict *VerdictRecord
	Audit   *AuditRecord
	Figures *FiguresRecord

	complete func()
	reject   func(ctx context.Context, reason string) error
}

// BatchRecord is a committed batch of the log topic. The batch has passed store.CheckBatch.
type BatchRecord struct {
	Conv  store.Conv
	Kind  string
	Batch *logpb.Batch
}

// MarkRecord is a read mark of the marks topic.
type MarkRecord struct {
	User store.User
	Conv store.Conv
	Read uint64
}

// Done completes the record of a Deferred consumer. Calling it again, or after the partition has moved away, does nothing.
func (r Record) Done() {
	if r.complete != nil {
		r.complete()
	}
}

// Reject publishes the record as it is to the group's dead-letter topic, and returns when Kafka has it: no retry would help. The reason
// holds nothing of the record's content. It is for handlers of consumers that are not Deferred, while they run.
func (r Record) Reject(ctx context.Context, reason string) error {
	if r.reject == nil {
		return errors.New("kafka: the record cannot be rejected")
	}
	return r.reject(ctx, reason)
}

// errPoison is wrapped by the errors of records that no retry can decode.
var errPoison = errors.New("cannot be decoded")

// decode turns a Kafka record into ours. Errors wrap errPoison and hold nothing of the record's content.
func decode(topic string, kr *kgo.Record) (Record, error) {
	r := Record{Topic: topic, Partition: kr.Partition, Offset: kr.Offset, Timestamp: kr.Timestamp, TraceParent: traceParentOf(kr)}
	var err error
	switch topic {
	case LogTopic:
		r.Batch, err = decodeBatch(kr.Value)
	case MarksTopic:
		r.Mark, err = decodeMark(kr.Value)
	case AuditTopic:
		r.Audit, err = decodeAudit(kr.Value)
	case VerdictsTopic:
		r.Verdict, err = decodeVerdict(kr.Value)
	case FiguresTopic:
		r.Figures, err = decodeFigures(kr.Value)
	default:
		err = fmt.Errorf("%w: topic %q has no decoder", errPoison, topic)
	}
	return r, err
}

func decodeBatch(value []byte) (*BatchRecord, error) {
	var m eventpb.LogRecord
	if proto.Unmarshal(value, &m) != nil {
		return nil, fmt.Errorf("%w: not a LogRecord", errPoison)
	}
	conv, err := store.NewConv(store.Tenant(m.GetTenant()), m.GetConversation())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPoison, err)
	}
	if err := store.CheckBatch(m.GetBatch()); err != nil {
		return nil, fmt.Errorf("%w: %w", errPoison, err)
	}
	return &BatchRecord{Conv: conv, Kind: m.GetConversationKind(), Batch: m.GetBatch()}, nil
}

func decodeMark(value []byte) (*MarkRecord, error) {
	var m eventpb.MarkRecord
	if proto.Unmarshal(value, &m) != nil {
		return nil, fmt.Errorf("%w: not a MarkRecord", errPoison)
	}
	user, err := store.NewUser(store.Tenant(m.GetTenant()), m.GetUser())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPoison, err)
	}
	conv, err := store.NewConv(store.Tenant(m.GetTenant()), m.GetConversation())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPoison, err)
	}
	return &MarkRecord{User: user, Conv: conv, Read: m.GetRead()}, nil
}
