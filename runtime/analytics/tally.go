package analytics

import (
	"errors"
	"fmt"
	"time"

	"github.com/axiomhq/hyperloglog"

	"github.com/chatcluster/chatcluster/runtime/latency"
	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// precision of the distinct counts: 2^12 registers, 4 KB where there are many, a few bytes where there are few.
const precision = 12

// Counts are what adds up.
type Counts struct {
	Messages, Edits, Deletions, Reactions, ConversationsStarted int64
	// Verdicts by action; Reverted are those that took one back.
	Flagged, Masked, Hidden, Reverted int64
	// Reads are read marks that went up and covered a message of somebody else's.
	Reads int64
	// Deliveries are those whose time was measured.
	Deliveries int64
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
	c.Deliveries += o.Deliveries
	return c
}

// tally is what is counted of a stretch of time.
type tally struct {
	Counts
	users, conversations *hyperloglog.Sketch
	latency, delivery    *latency.Sketch // of reads and of deliveries
	pushes               map[answer]int64
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
	reads, err := latency.New()
	if err != nil {
		return nil, err
	}
	deliveries, err := latency.New()
	if err != nil {
		return nil, err
	}
	return &tally{users: users, conversations: conversations, latency: reads, delivery: deliveries}, nil
}

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
func (t *tally) read(after time.Duration) error {
	t.Reads++
	return t.latency.Add(after)
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
	for a, n := range o.pushes {
		if t.pushes == nil {
			t.pushes = map[answer]int64{}
		}
		t.pushes[a] += n
	}
	return errors.Join(t.latency.Merge(o.latency), t.delivery.Merge(o.delivery))
}

// quantiles that are kept.
var quantiles = []float64{0.5, 0.9, 0.99}

// milliseconds are the quantiles of a sketch, nil where it is empty.
func milliseconds(s *latency.Sketch) ([]*float64, error) {
	out := make([]*float64, len(quantiles))
	values, err := s.Quantiles(quantiles...)
	for i := range values {
		out[i] = &values[i]
	}
	return out, err
}
