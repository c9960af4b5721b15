package moderate

import (
	"context"
	"errors"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Message is one body that a person wrote: a message as it was sent, or an edit of one.
type Message struct {
	Conv store.Conv
	// Direct says that the conversation is one of two people.
	Direct bool
	// Seq is the message's; BodyAt is the seq of the edit that the body is from, 0 for the body as it was sent.
	Seq, BodyAt uint64
	Sender      string
	At          time.Time
	Body        string
}

// Span is a part of a body: from rune Start, Length runes long.
type Span struct {
	Start, Length uint32
}

// Finding is what a detector says of a message. The zero Finding says nothing.
type Finding struct {
	// Score is how sure the detector is, in percent.
	Score int
	// Reason is a machine's word for why, such as "velocity"; several are joined by commas. It holds nothing of the body.
	Reason string
	// Spans are what of the body is meant, in order and apart from each other; none: all of it.
	Spans []Span
}

// Detector judges messages. It is safe for concurrent use. Messages of one conversation come in the order of their seqs, and may come
// again after a crash or a rebalance: what a detector remembers of one it must remember once.
type Detector interface {
	// Name is the processor's: the name of its consumer group and of who says its verdicts.
	Name() string
	// Judge returns a finding for each message. An error says that none were judged: the same messages are tried again.
	// One that wraps ErrUnjudgeable says that it would be the same whenever they are tried.
	Judge(ctx context.Context, messages []Message) ([]Finding, error)
}

// Runner is what a Detector may be besides: Run does what is to be done beside judging, such as reading lists again, until ctx ends.
type Runner interface {
	Run(ctx context.Context) error
}

// ErrUnjudgeable says that it is a message's fault that none were judged. Errors hold nothing of a body.
var ErrUnjudgeable = errors.New("cannot be judged")
