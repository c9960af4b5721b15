package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// historyPage is how many conversations one call looks at.
	historyPage = 200
	// historyTimeout bounds a page, of which each transaction deletes upkeepChunk rows.
	historyTimeout = 2 * time.Minute
)

// Forgotten is what a call of ForgetBefore did.
type Forgotten struct {
	// Held is true when a legal hold covers something of the tenant: nothing is forgotten then.
	Held    bool
	Entries int64
	// Summaries are of the conversations whose preview went.
	Summaries []Summary
	// Next is where the next call goes on, empty at the end.
	Next string
}

// TenantsAfter returns at most limit tenants of which the model has a conversation, those after the given one, in order.
func (m *Model) TenantsAfter(ctx context.Context, after store.Tenant, limit int) ([]store.Tenant, error) {
	// A step of the index for each, however many conversations a tenant has.
	rows, err := m.writer.Query(ctx, `
		WITH RECURSIVE t AS (
			(SELECT tenant FROM conversations WHERE tenant > $1 ORDER BY tenant LIMIT 1)
			UNION ALL
			SELECT (SELECT c.tenant FROM conversations c WHERE c.tenant > t.tenant ORDER BY c.tenant LIMIT 1) FROM t WHERE t.tenant IS NOT NULL
		) SELECT tenant FROM t WHERE tenant IS NOT NULL LIMIT $2`, string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[store.Tenant])
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return tenants, nil
}

// TenantsAfter is the model's.
func (w *Writer) TenantsAfter(ctx context.Context, after store.Tenant, limit int) ([]store.Tenant, error) {
	return w.m.TenantsAfter(ctx, after, limit)
}

// ForgetBefore deletes the tenant's entries from before a time, and previews with their messages, in some conversations: those after the
// given one. Counts stay: the one before the first entry that is kept is known from that. Repeatable, and by several at a time.
func (w *Writer) ForgetBefore(ctx context.Context, t store.Tenant, before time.Time, after string) (Forgotten, error) {
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	done, err := w.m.forgetBefore(ctx, t, before, after)
	if err != nil {
		w.m.noticeFailover(err)
		return done, fmt.Errorf("forget the old messages of tenant %q: %w", t, err)
	}
	return done, nil
}

func (m *Model) forgetBefore(ctx context.Context, t store.Tenant, before time.Time, after string) (done Forgotten, err error) {
	holds, err := m.Holds(ctx, t)
	if done.Held = len(holds) > 0; err != nil || done.Held {
		return done, err
	}
	rows, err := m.writer.Query(ctx, `
		SELECT c.conversation, coalesce(f.at < $3, false), c.last_at_ms < $4 AND (c.last_preview <> '' OR c.last_sender <> '')
		FROM (SELECT * FROM conversations WHERE tenant = $1 AND conversation > $2 ORDER BY conversation LIMIT $5) c
		LEFT JOIN LATERAL (
			SELECT m.at FROM messages m WHERE m.tenant = c.tenant AND m.conversation = c.conversation ORDER BY m.seq LIMIT 1
		) f ON true ORDER BY c.conversation`, string(t), after, before, before.UnixMilli(), historyPage)
	if err != nil {
		return done, err
	}
	var old, shown []string
	var id, last string
	var entries, preview bool
	n := 0
	if _, err := pgx.ForEachRow(rows, []any{&id, &entries, &preview}, func() error {
		n, last = n+1, id
		if entries {
			old = append(old, id)
		}
		if preview {
			shown = append(shown, id)
		}
		return nil
	}); err != nil {
		return done, err
	}
	if n == historyPage {
		done.Next = last
	}
	for deleted := int64(upkeepChunk); len(old) > 0 && deleted == upkeepChunk; {
		if deleted, err = m.deleteOld(ctx, t, old, before); err != nil {
			return done, err
		}
		done.Entries += deleted
	}
	if len(shown) > 0 {
		done.Summaries, err = m.dropPreviews(ctx, t, shown, before)
	}
	return done, err
}

// deleteOld deletes a chunk of old entries, each conversation's from its beginning: what is left of it has no hole at any time.
func (m *Model) deleteOld(ctx context.Context, t store.Tenant, conversations []string, before time.Time) (deleted int64, err error) {
	err = pgx.BeginFunc(ctx, m.writer, func(tx pgx.Tx) error {
		// Conversations before rows, in the order of their keys: as everybody takes them.
		if err := lockInOrder(ctx, tx, t, conversations); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			DELETE FROM messages m USING (
				SELECT x.tenant, x.conversation, x.seq, x.at FROM messages x
				WHERE x.tenant = $1 AND x.conversation = ANY ($2) AND x.at < $3 ORDER BY x.conversation, x.seq LIMIT $4
			) o
			WHERE m.tenant = o.tenant AND m.conversation = o.conversation AND m.seq = o.seq AND m.at = o.at`, string(t), conversations, before, upkeepChunk)
		deleted = tag.RowsAffected()
		return err
	})
	return deleted, err
}

// dropPreviews takes out previews of old messages, and returns the conversations as they are then. Whose message is new meanwhile keeps it.
func (m *Model) dropPreviews(ctx context.Context, t store.Tenant, conversations []string, before time.Time) (summaries []Summary, err error) {
	err = pgx.BeginFunc(ctx, m.writer, func(tx pgx.Tx) error {
		if err := lockInOrder(ctx, tx, t, conversations); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			UPDATE conversations c SET last_sender = '', last_preview = ''
			WHERE c.tenant = $1 AND c.conversation = ANY ($2) AND c.last_at_ms < $3
			RETURNING c.tenant, c.conversation, c.kind, c.title, c.head, c.count, c.last_seq, c.last_at_ms, c.last_sender, c.last_preview`,
			string(t), conversations, before.UnixMilli())
		if err != nil {
			return err
		}
		summaries, err = pgx.CollectRows(rows, scanSummary)
		return err
	})
	return summaries, err
}

func lockInOrder(ctx context.Context, tx pgx.Tx, t store.Tenant, conversations []string) error {
	_, err := tx.Exec(ctx, "SELECT FROM conversations WHERE tenant = $1 AND conversation = ANY ($2) ORDER BY tenant, conversation FOR UPDATE",
		string(t), conversations)
	return err
}
