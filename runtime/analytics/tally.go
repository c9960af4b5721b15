package analytics

import (
	"fmt"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
	"github.com/axiomhq/hyperloglog"

	"github.com/chatcluster/chatcluster/runtime/logpb"
)

const (
	// precision of the distinct counts: 2^12 registers, 4 KB where there are many, a few bytes where there are few.
	precision = 12
	// accuracy of the latencies, relative to the value; maxBins bounds a sketch. The smallest values lose theirs first.
	accuracy = 0.01
	maxBins  = 2048
)

// Counts are what adds up.
type Counts struct {
	Messages, Edits, Deletions, Reactions, ConversationsStarted int64
	// Verdicts by action; Reverted are those that took one back.
	Flagged, Masked, Hidden, Reverted int64
	// Reads are read marks that went up and covered a message of somebody else's.
	Reads int64
}

// plus returns the sum.
func (c Counts) plus(o Counts) Counts {
	c.Messages += o.Messages
	c.Edits += o.Edits
	c.Deletions += o.Deletions
	c.Reactions += o.Reactions
	c.ConversationsStarted += o.ConversationsStarted
	c.Flagged += o.Flagged
	c.Masked += o.Masked
	c.Hidden += o.Hidden
	c.Reverted += o.Reverted
	c.Reads += o.Reads
	return c
}

// tally is what is counted of a stretch of time.
type tally struct {
	Counts
	users, conversations *hyperloglog.Sketch
	latency              *ddsketch.DDSketch // of milliseconds
}

func newTally() (*tally, error) {
	users, err := hyperloglog.NewSketch(precision, true)
	if err != nil {
		return nil, fmt.Errorf("sketch users: %w", err)
	}
	conversations, err := hyperloglog.NewSketch(precision, true)
	if err != nil {
		return nil, fmt.Errorf("sketch conversations: %w", err)
	}
	m, err := mapping.NewLogarithmicMapping(accuracy)
	if err != nil {
		return nil, fmt.Errorf("sketch latencies: %w", err)
	}
	return &tally{users: users, conversations: conversations, latency: ddsketch.NewDDSketchFromStoreProvider(m, bins)}, nil
}

func bins() store.Store { return store.NewCollapsingLowestDenseStore(maxBins) }

// entry counts an entry of a conversation's log.
func (t *tally) entry(conversation string, e *logpb.Entry) {
	person := true
	switch k := e.GetKind().(type) {
	case *logpb.Entry_Message:
		t.Messages++
	case *logpb.Entry_Edited:
		t.Edits++
	case *logpb.Entry_Deleted:
		t.Deletions++
	case *logpb.Entry_Reacted:
		if !k.Reacted.GetRemoved() {
			t.Reactions++
		}
	case *logpb.Entry_Verdict:
		person = false
		switch k.Verdict.GetAction() {
		case "flag":
			t.Flagged++
		case "mask":
			t.Masked++
		case "hide":
			t.Hidden++
		case "none":
			t.Reverted++
		}
	case *logpb.Entry_MembersAdded:
		if e.GetSeq() == 1 {
			t.ConversationsStarted++
		}
	}
	if person && e.GetSender() != "" {
		t.users.Insert([]byte(e.GetSender()))
		t.conversations.Insert([]byte(conversation))
	}
}

// mark counts who read, where.
func (t *tally) mark(user, conversation string) {
	t.users.Insert([]byte(user))
	t.conversations.Insert([]byte(conversation))
}

// read counts a read that came so long after the message.
func (t *tally) read(latency time.Duration) error {
	t.Reads++
	if err := t.latency.Add(float64(max(latency, 0)) / float64(time.Millisecond)); err != nil {
		return fmt.Errorf("sketch a latency: %w", err)
	}
	return nil
}

// merge adds another's.
func (t *tally) merge(o *tally) error {
	t.Counts = t.plus(o.Counts)
	if err := t.users.Merge(o.users); err != nil {
		return fmt.Errorf("merge users: %w", err)
	}
	if err := t.conversations.Merge(o.conversations); err != nil {
		return fmt.Errorf("merge conversations: %w", err)
	}
	if err := t.latency.MergeWith(o.latency); err != nil {
		return fmt.Errorf("merge latencies: %w", err)
	}
	return nil
}

// quantiles of the read latency that are kept.
var quantiles = []float64{0.5, 0.9, 0.99}

// latencies are the quantiles, in milliseconds, nil where nothing was read.
func (t *tally) latencies() ([]*float64, error) {
	out := make([]*float64, len(quantiles))
	if t.latency.IsEmpty() {
		return out, nil
	}
	values, err := t.latency.GetValuesAtQuantiles(quantiles)
	if err != nil {
		return nil, fmt.Errorf("read latencies: %w", err)
	}
	for i := range values {
		out[i] = &values[i]
	}
	return out, nil
}
