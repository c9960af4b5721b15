package eventlog

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// MaxVerdictIDBytes bounds a verdict's name.
	MaxVerdictIDBytes = 64
	// MaxMute is the longest that a verdict may mute a sender: what takes longer is a matter for people.
	MaxMute = 30 * 24 * time.Hour
)

// VerdictRecord is what a processor says of a message.
type VerdictRecord struct {
	Conv store.Conv
	// ID is the processor's name for it, unique among its verdicts in the conversation; never empty in what is consumed.
	ID      string
	Verdict *logpb.Verdict
	// MuteSender is how long the message's sender may send nothing from At on; 0: no mute.
	MuteSender time.Duration
	// At is when it was said.
	At time.Time
}

// VerdictID is the name of a processor's word on a body: the message's at target as it was sent, or as the edit at bodyAt left it. Said again it
// changes nothing, unless it is stronger.
func VerdictID(target, bodyAt uint64) string { return fold.WordName(target, bodyAt) }

// PublishVerdict publishes a verdict to the verdicts topic, on the same terms as PublishBatch. traceParent is the W3C trace context of the
// message, empty where that is not traced.
func (p *Producer) PublishVerdict(traceParent string, v VerdictRecord, done func(error)) {
	headers := append(headersOf(v.Conv, traceParent), kgo.RecordHeader{Key: HeaderProcessor, Value: []byte(v.Verdict.GetProcessor())})
	p.publish(p.verdictsTopic, ConvKey(v.Conv), headers, &eventpb.VerdictRecord{
		Tenant: string(v.Conv.Tenant()), Conversation: v.Conv.ID(), Id: v.ID, Verdict: v.Verdict,
		MuteSenderMs: v.MuteSender.Milliseconds(), AtMs: v.At.UnixMilli(),
	}, done)
}

// decodeVerdict checks what a verdict says by itself; what the conversation has to say to it is the chat service's part.
func decodeVerdict(value []byte) (*VerdictRecord, error) {
	var m eventpb.VerdictRecord
	if proto.Unmarshal(value, &m) != nil {
		return nil, fmt.Errorf("%w: not a VerdictRecord", errPoison)
	}
	conv, err := store.NewConv(store.Tenant(m.GetTenant()), m.GetConversation())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPoison, err)
	}
	v := m.GetVerdict()
	// The verdict's sender is the processor.
	if _, err := store.NewUser(conv.Tenant(), v.GetProcessor()); err != nil {
		return nil, fmt.Errorf("%w: processor: %w", errPoison, err)
	}
	id := m.GetId()
	if id == "" {
		id = VerdictID(v.GetTarget(), v.GetBodyAt())
	}
	switch {
	case v.GetTarget() == 0:
		return nil, fmt.Errorf("%w: the verdict has no target", errPoison)
	case len(id) > MaxVerdictIDBytes || !utf8.ValidString(id):
		return nil, fmt.Errorf("%w: the verdict's id is not UTF-8 of at most %d bytes", errPoison, MaxVerdictIDBytes)
	case m.GetMuteSenderMs() < 0 || m.GetMuteSenderMs() > MaxMute.Milliseconds():
		return nil, fmt.Errorf("%w: mute_sender_ms is not between 0 and %d", errPoison, MaxMute.Milliseconds())
	case m.GetMuteSenderMs() > 0 && m.GetAtMs() <= 0:
		return nil, fmt.Errorf("%w: a mute without at_ms", errPoison)
	}
	return &VerdictRecord{
		Conv: conv, ID: id, Verdict: v,
		MuteSender: time.Duration(m.GetMuteSenderMs()) * time.Millisecond, At: time.UnixMilli(m.GetAtMs()),
	}, nil
}
