package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Tail is how far a conversation is applied: what its tail mark in the store may be raised to. Head is a seq at which a batch ends.
type Tail struct {
	Conv        store.Conv
	Head, Count uint64
}

// ClaimTails takes at most limit conversations whose tail mark is due. Each is due again a minute later unless TailRaised comes.
func (w *Writer) ClaimTails(ctx context.Context, limit int) ([]Tail, error) {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	rows, err := w.m.writer.Query(ctx, `
		UPDATE tails t SET due_at = now() + $1::interval
		FROM (SELECT tenant, conversation FROM tails WHERE due_at <= now() ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) d
		WHERE t.tenant = d.tenant AND t.conversation = d.conversation
		RETURNING t.tenant, t.conversation, t.head, t.count`, tailEvery, limit)
	if err != nil {
		return nil, fmt.Errorf("claim tail marks: %w", err)
	}
	tails, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Tail, error) {
		var t Tail
		var tenant, conversation string
		if err := row.Scan(&tenant, &conversation, &t.Head, &t.Count); err != nil {
			return t, err
		}
		var err error
		t.Conv, err = store.NewConv(store.Tenant(tenant), conversation)
		return t, err
	})
	if err != nil {
		w.m.noticeFailover(err)
		return nil, fmt.Errorf("claim tail marks: %w", err)
	}
	return tails, nil
}

// TailRaised forgets the conversation unless more has been applied since.
func (w *Writer) TailRaised(ctx context.Context, t Tail) error {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	if _, err := w.m.writer.Exec(ctx, "DELETE FROM tails WHERE tenant = $1 AND conversation = $2 AND head = $3",
		string(t.Conv.Tenant()), t.Conv.ID(), int64(t.Head)); err != nil {
		return fmt.Errorf("forget a raised tail mark: %w", err)
	}
	return nil
}
