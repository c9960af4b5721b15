package analytics

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// settleChunk is how many reads are settled in one transaction.
	settleChunk = 1000
	// waitAtMost is how long a read waits for the read model.
	waitAtMost = 24 * time.Hour
	// latencyAtMost is how old a message may be whose reading is counted.
	latencyAtMost = 30 * 24 * time.Hour
)

// mark is a read mark, as it was published.
type mark struct {
	tenant, user, conversation string
	seq                        int64
	at                         time.Time
}

// reader is whose mark it is, and where.
type reader struct{ tenant, user, conversation string }

func (r reader) compare(o reader) int {
	return cmp.Or(cmp.Compare(r.tenant, o.tenant), cmp.Compare(r.user, o.user), cmp.Compare(r.conversation, o.conversation))
}

// countMarks counts who is active, and has marks that went up wait until their messages are known.
func countMarks(ctx context.Context, tx pgx.Tx, marks []mark, now time.Time, ts *tallies, done *Applied) error {
	if len(marks) == 0 {
		return nil
	}
	byReader := map[reader][]mark{}
	for _, m := range marks {
		r := reader{m.tenant, m.user, m.conversation}
		byReader[r] = append(byReader[r], m)
	}
	readers := make([]reader, 0, len(byReader))
	for r := range byReader {
		readers = append(readers, r)
	}
	slices.SortFunc(readers, reader.compare)
	have, err := lockReads(ctx, tx, readers)
	if err != nil {
		return err
	}
	var up, waiting columns
	for _, r := range readers {
		read := have[r]
		for _, m := range byReader[r] {
			if m.seq <= read {
				done.Repeated++
				continue
			}
			done.Marks++
			if err := ts.at(m.tenant, m.at, func(t *tally) error { t.mark(m.user, m.conversation); return nil }); err != nil {
				return err
			}
			waiting.add(r, m.seq, read, m.at.UnixMilli())
			read = m.seq
		}
		if read > have[r] {
			up.add(r, read, 0, 0)
		}
	}
	if len(up.tenants) == 0 {
		return nil
	}
	out := &pgx.Batch{}
	out.Queue(`
		UPDATE analytics_reads r SET read_seq = u.seq
		FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS u (tenant, user_id, conversation, seq)
		WHERE r.tenant = u.tenant AND r.user_id = u.user_id AND r.conversation = u.conversation`,
		up.tenants, up.users, up.conversations, up.seqs)
	out.Queue(`
		INSERT INTO analytics_waiting (tenant, user_id, conversation, seq, from_seq, at_ms, waits_since)
		SELECT *, $7::timestamptz FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
		ON CONFLICT DO NOTHING`,
		waiting.tenants, waiting.users, waiting.conversations, waiting.seqs, waiting.from, waiting.at, now)
	return tx.SendBatch(ctx, out).Close()
}

// columns are marks as a statement takes them.
type columns struct {
	tenants, users, conversations []string
	seqs, from, at                []int64
}

func (c *columns) add(r reader, seq, from, at int64) {
	c.tenants, c.users, c.conversations = append(c.tenants, r.tenant), append(c.users, r.user), append(c.conversations, r.conversation)
	c.seqs, c.from, c.at = append(c.seqs, seq), append(c.from, from), append(c.at, at)
}

// lockReads returns the marks of readers, who come in the order of their keys, and locks them.
func lockReads(ctx context.Context, tx pgx.Tx, readers []reader) (map[reader]int64, error) {
	var c columns
	for _, r := range readers {
		c.add(r, 0, 0, 0)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO analytics_reads (tenant, user_id, conversation, read_seq)
		SELECT tenant, user_id, conversation, 0 FROM unnest($1::text[], $2::text[], $3::text[]) AS u (tenant, user_id, conversation)
		ORDER BY tenant COLLATE "C", user_id COLLATE "C", conversation COLLATE "C" ON CONFLICT DO NOTHING`, c.tenants, c.users, c.conversations); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT r.tenant, r.user_id, r.conversation, r.read_seq
		FROM unnest($1::text[], $2::text[], $3::text[]) AS u (tenant, user_id, conversation)
		JOIN analytics_reads r ON r.tenant = u.tenant AND r.user_id = u.user_id AND r.conversation = u.conversation
		ORDER BY r.tenant, r.user_id, r.conversation FOR UPDATE OF r`, c.tenants, c.users, c.conversations)
	if err != nil {
		return nil, err
	}
	have := make(map[reader]int64, len(readers))
	var r reader
	var read int64
	_, err = pgx.ForEachRow(rows, []any{&r.tenant, &r.user, &r.conversation, &read}, func() error {
		have[r] = read
		return nil
	})
	return have, err
}

// Settled is what became of reads that waited.
type Settled struct {
	// Read is how many covered a message whose time is known. Dropped is how many waited for too long.
	Read, Dropped int
	// More says that there may be others that need not wait.
	More bool
}

// Settle counts reads whose messages the read model has by now, some at a time.
func (r *Rollups) Settle(ctx context.Context) (Settled, error) {
	var done Settled
	err := r.db.Write(ctx, func(tx pgx.Tx) error {
		done = Settled{}
		waited, err := takeWaiting(ctx, tx)
		if err != nil {
			return err
		}
		ts := newTallies(r.minutesFrom())
		for _, w := range waited {
			if w.messageAtMS == nil {
				continue // nothing of somebody else's, or nothing as new
			}
			done.Read++
			err := ts.at(w.tenant, time.UnixMilli(w.atMS), func(t *tally) error {
				return t.read(time.Duration(w.atMS-*w.messageAtMS) * time.Millisecond)
			})
			if err != nil {
				return err
			}
		}
		done.More = len(waited) == settleChunk
		if !done.More {
			tag, err := tx.Exec(ctx, `
				DELETE FROM analytics_waiting WHERE ctid = ANY (ARRAY(
				    SELECT ctid FROM analytics_waiting WHERE waits_since < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`,
				r.now().Add(-waitAtMost), settleChunk)
			if err != nil {
				return err
			}
			done.Dropped = int(tag.RowsAffected())
		}
		return ts.write(ctx, tx)
	})
	if err != nil {
		return Settled{}, fmt.Errorf("settle reads: %w", err)
	}
	return done, nil
}

type waited struct {
	tenant      string
	atMS        int64
	messageAtMS *int64
}

// takeWaiting takes reads out whose conversation the read model has as far as they go, each with the time of the newest message that it is about.
func takeWaiting(ctx context.Context, tx pgx.Tx) ([]waited, error) {
	rows, err := tx.Query(ctx, `
		WITH taken AS (
		    DELETE FROM analytics_waiting WHERE ctid = ANY (ARRAY(
		        SELECT w.ctid FROM analytics_waiting w
		        JOIN conversations c ON c.tenant = w.tenant AND c.conversation = w.conversation AND c.head >= w.seq
		        LIMIT $1 FOR UPDATE OF w SKIP LOCKED))
		    RETURNING *
		)
		SELECT t.tenant, t.at_ms, m.at_ms FROM taken t
		LEFT JOIN LATERAL (
		    SELECT (extract(epoch FROM at) * 1000)::bigint AS at_ms FROM messages
		    WHERE tenant = t.tenant AND conversation = t.conversation AND seq > t.from_seq AND seq <= t.seq
		      AND kind = 'message' AND sender <> t.user_id
		      AND at > to_timestamp((t.at_ms - $2) / 1000.0)
		    ORDER BY seq DESC LIMIT 1
		) m ON true`, settleChunk, latencyAtMost.Milliseconds())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w waited, err error) {
		err = row.Scan(&w.tenant, &w.atMS, &w.messageAtMS)
		return w, err
	})
}
