package readmodel

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const selectReview = `
	SELECT r.tenant, r.conversation, coalesce(c.kind, ''), r.seq, r.opened_at_ms, r.author, r.state, r.action, r.processor, r.reason,
	       r.verdict_seq, r.body_at, r.decided_by, r.decided_seq, r.decided_at_ms
	FROM reviews r LEFT JOIN conversations c ON c.tenant = r.tenant AND c.conversation = r.conversation`

func scanReview(row pgx.CollectableRow) (Review, error) {
	var r Review
	var tenant, conversation string
	if err := row.Scan(&tenant, &conversation, &r.Kind, &r.Seq, &r.OpenedAtMS, &r.Author, &r.State, &r.Action, &r.Processor, &r.Reason,
		&r.VerdictSeq, &r.BodyAt, &r.DecidedBy, &r.DecidedSeq, &r.DecidedAtMS); err != nil {
		return r, err
	}
	var err error
	r.Conv, err = store.NewConv(store.Tenant(tenant), conversation)
	return r, err
}

// ReviewPlace is where a review stands among its tenant's: the zero value is before all.
type ReviewPlace struct {
	OpenedAtMS   int64
	Conversation string
	Seq          uint64
}

// Place is the review's.
func (r Review) Place() ReviewPlace {
	return ReviewPlace{OpenedAtMS: r.OpenedAtMS, Conversation: r.Conv.ID(), Seq: r.Seq}
}

// ReviewQuery says which reviews are asked for. State is required; what else is empty is no condition.
type ReviewQuery struct {
	State, Processor, Action, Author string
	// After is the last review of the page before.
	After ReviewPlace
	Limit int
}

// Reviews returns the tenant's reviews, those that were opened first first.
func (m *Model) Reviews(ctx context.Context, t store.Tenant, q ReviewQuery) ([]Review, error) {
	rows, err := m.reader.Query(ctx, selectReview+`
		WHERE r.tenant = $1 AND r.state = $2 AND ($3 = '' OR r.processor = $3) AND ($4 = '' OR r.action = $4) AND ($5 = '' OR r.author = $5)
		  AND (r.opened_at_ms, r.conversation, r.seq) > ($6, $7, $8)
		ORDER BY r.opened_at_ms, r.conversation, r.seq LIMIT $9`,
		string(t), q.State, q.Processor, q.Action, q.Author, q.After.OpenedAtMS, q.After.Conversation, int64(min(q.After.Seq, maxSeq)), q.Limit)
	if err != nil {
		return nil, fmt.Errorf("read reviews: %w", err)
	}
	reviews, err := pgx.CollectRows(rows, scanReview)
	if err != nil {
		return nil, fmt.Errorf("read reviews: %w", err)
	}
	return reviews, nil
}

// Review returns the message's review as the writer has it, or store.ErrNotFound.
func (m *Model) Review(ctx context.Context, c store.Conv, seq uint64) (Review, error) {
	rows, err := m.writer.Query(ctx, selectReview+" WHERE r.tenant = $1 AND r.conversation = $2 AND r.seq = $3",
		string(c.Tenant()), c.ID(), int64(min(seq, maxSeq)))
	if err != nil {
		return Review{}, fmt.Errorf("read a review: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, scanReview)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, store.ErrNotFound
	}
	if err != nil {
		return r, fmt.Errorf("read a review: %w", err)
	}
	return r, nil
}

// reviewColumns are rows of reviews.
type reviewColumns struct {
	tenants, conversations, authors, states, actions, processors, reasons, deciders []string
	seqs, opened, verdicts, bodies, decided, decidedAt                              []int64
}

func (c *reviewColumns) add(r Review) {
	c.tenants = append(c.tenants, string(r.Conv.Tenant()))
	c.conversations = append(c.conversations, r.Conv.ID())
	c.seqs = append(c.seqs, int64(r.Seq))
	c.opened = append(c.opened, r.OpenedAtMS)
	c.authors = append(c.authors, r.Author)
	c.states = append(c.states, r.State)
	c.actions = append(c.actions, r.Action)
	c.processors = append(c.processors, r.Processor)
	c.reasons = append(c.reasons, r.Reason)
	c.verdicts = append(c.verdicts, int64(r.VerdictSeq))
	c.bodies = append(c.bodies, int64(min(r.BodyAt, maxSeq)))
	c.deciders = append(c.deciders, r.DecidedBy)
	c.decided = append(c.decided, int64(r.DecidedSeq))
	c.decidedAt = append(c.decidedAt, r.DecidedAtMS)
}

func (c *reviewColumns) queue(out *pgx.Batch) {
	if len(c.tenants) == 0 {
		return
	}
	out.Queue(`
		INSERT INTO reviews (tenant, conversation, seq, opened_at_ms, author, state, action, processor, reason, verdict_seq, body_at,
		                     decided_by, decided_seq, decided_at_ms)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
		                     $10::bigint[], $11::bigint[], $12::text[], $13::bigint[], $14::bigint[])
		ON CONFLICT (tenant, conversation, seq) DO UPDATE
		SET state = excluded.state, action = excluded.action, processor = excluded.processor, reason = excluded.reason,
		    verdict_seq = excluded.verdict_seq, body_at = excluded.body_at,
		    decided_by = excluded.decided_by, decided_seq = excluded.decided_seq, decided_at_ms = excluded.decided_at_ms`,
		c.tenants, c.conversations, c.seqs, c.opened, c.authors, c.states, c.actions, c.processors, c.reasons, c.verdicts, c.bodies,
		c.deciders, c.decided, c.decidedAt)
}
