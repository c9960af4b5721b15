package readmodel

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// States of a review.
const (
	ReviewOpen      = "open"
	ReviewConfirmed = "confirmed"
	ReviewReverted  = "reverted"
)

// Review is a message on which verdicts were given, and what a person has made of it.
type Review struct {
	Conv store.Conv
	// Kind is the conversation's: direct or group. It is not known while a review is written.
	Kind string
	// Seq is the message's, Author who wrote it, empty where that is not known any more.
	Seq    uint64
	Author string
	// OpenedAtMS is when the first verdict was given.
	OpenedAtMS int64
	State      string
	// Action, Reason, VerdictSeq and BodyAt are of the verdict that is to be reviewed, or was; Processor is who brought it up.
	Action, Processor, Reason string
	VerdictSeq, BodyAt        uint64
	// DecidedBy, DecidedSeq and DecidedAtMS are the last decision's, zero while the review is open.
	DecidedBy   string
	DecidedSeq  uint64
	DecidedAtMS int64
}

// byPerson says whether a moderator gave the verdict.
func byPerson(e *logpb.Entry) bool {
	return e.GetVerdict().GetProcessor() == protocol.ProcessorModerator && e.GetSender() != protocol.ProcessorModerator
}

// holds is the verdict that holds as far as the review knows, nil after a revert.
func (r *Review) holds() *logpb.Verdict {
	if r.State == ReviewReverted {
		return nil
	}
	return &logpb.Verdict{Action: r.Action, Processor: r.Processor}
}

// judge takes the next verdict on the message, and says whether the review is another now. The log's order is the only one: of two decisions the
// later one holds.
func (r *Review) judge(e *logpb.Entry) bool {
	v := e.GetVerdict()
	fresh := r.State == ""
	switch person := byPerson(e); {
	case v.GetAction() == protocol.ActionNone:
		if fresh {
			return false
		}
		r.decide(ReviewReverted, e)
	case person:
		if fresh {
			r.open(e)
		}
		r.say(v, e.GetSeq())
		r.decide(ReviewConfirmed, e)
	case fresh:
		if !fold.Overrules(nil, v) {
			return false // a newer release's action
		}
		r.open(e)
		r.say(v, e.GetSeq())
	case !fold.Overrules(r.holds(), v):
		return false
	case r.State == ReviewConfirmed && r.BodyAt == v.GetBodyAt() && fold.Overrules(v, &logpb.Verdict{Action: r.Action}):
		return false // a person has said as much of this body
	default:
		r.Processor = column(v.GetProcessor())
		r.say(v, e.GetSeq())
		r.State, r.DecidedBy, r.DecidedSeq, r.DecidedAtMS = ReviewOpen, "", 0, 0
	}
	return true
}

func (r *Review) open(e *logpb.Entry) {
	r.State, r.OpenedAtMS, r.Processor = ReviewOpen, e.GetAtMs(), column(e.GetVerdict().GetProcessor())
}

func (r *Review) say(v *logpb.Verdict, seq uint64) {
	r.Action, r.Reason, r.VerdictSeq, r.BodyAt = column(v.GetAction()), column(v.GetReason()), seq, v.GetBodyAt()
}

func (r *Review) decide(state string, e *logpb.Entry) {
	r.State, r.DecidedBy, r.DecidedSeq, r.DecidedAtMS = state, e.GetSender(), e.GetSeq(), e.GetAtMs()
}

// review brings the reviews to include the delta's verdicts. The caller holds the conversation's lock.
func (d *delta) review(ctx context.Context, tx pgx.Tx) error {
	var verdicts []*logpb.Entry
	seqs := map[int64]bool{}
	for _, r := range d.entries {
		if target := fold.Target(r.entry); r.entry.GetVerdict() != nil && target > 0 {
			verdicts = append(verdicts, r.entry)
			seqs[int64(target)] = true
		}
	}
	if len(verdicts) == 0 {
		return nil
	}
	wanted := slices.Sorted(maps.Keys(seqs))
	known, err := d.reviewed(ctx, tx, wanted)
	if err != nil {
		return err
	}
	changed := map[uint64]bool{}
	for _, e := range verdicts {
		target := fold.Target(e)
		if r := known[target]; r != nil && r.judge(e) {
			changed[target] = true
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(changed)) {
		d.reviews = append(d.reviews, *known[seq])
	}
	return nil
}

// reviewed returns the reviews of messages, new ones where there are none. What is known to be no message has none.
func (d *delta) reviewed(ctx context.Context, tx pgx.Tx, seqs []int64) (map[uint64]*Review, error) {
	c := d.summary.Conv
	found := map[uint64]*Review{}
	rows, err := tx.Query(ctx, selectReview+" WHERE r.tenant = $1 AND r.conversation = $2 AND r.seq = ANY ($3)", string(c.Tenant()), c.ID(), seqs)
	if err != nil {
		return nil, err
	}
	reviews, err := pgx.CollectRows(rows, scanReview)
	if err != nil {
		return nil, err
	}
	for _, r := range reviews {
		found[r.Seq] = &r
	}
	rows, err = tx.Query(ctx, "SELECT seq, kind, sender FROM messages WHERE tenant = $1 AND conversation = $2 AND seq = ANY ($3)", string(c.Tenant()), c.ID(), seqs)
	if err != nil {
		return nil, err
	}
	type target struct{ kind, sender string }
	targets := map[int64]target{}
	var seq int64
	var t target
	if _, err := pgx.ForEachRow(rows, []any{&seq, &t.kind, &t.sender}, func() error { targets[seq] = t; return nil }); err != nil {
		return nil, err
	}
	for _, r := range d.entries {
		targets[int64(r.entry.GetSeq())] = target{r.kind, r.entry.GetSender()}
	}
	for _, seq := range seqs {
		if t, known := targets[seq]; found[uint64(seq)] == nil && (!known || t.kind == kindMessage) {
			found[uint64(seq)] = &Review{Conv: c, Seq: uint64(seq), Author: t.sender}
		}
	}
	return found, nil
}
