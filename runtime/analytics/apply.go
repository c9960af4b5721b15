package analytics

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// DefaultMinuteRetention is how long rollups by minute are kept.
const DefaultMinuteRetention = 14 * 24 * time.Hour

// Database is where the rollups are: package readmodel has it.
type Database interface {
	// Write runs f in a transaction of its own, which is committed when f returns nil.
	Write(ctx context.Context, f func(pgx.Tx) error) error
	// Read runs f in a transaction that sees one state and changes nothing.
	Read(ctx context.Context, f func(pgx.Tx) error) error
}

// Rollups are the tables. They are safe for concurrent use, by any number of processes.
type Rollups struct {
	db Database
	// retention is how long minutes are kept.
	retention time.Duration
	now       func() time.Time
}

// NewRollups returns the rollups in db; minutes are kept for so long, DefaultMinuteRetention when it is 0.
func NewRollups(db Database, minuteRetention time.Duration) *Rollups {
	if minuteRetention <= 0 {
		minuteRetention = DefaultMinuteRetention
	}
	return &Rollups{db: db, retention: minuteRetention, now: time.Now}
}

func (r *Rollups) minutesFrom() time.Time { return r.now().Add(-r.retention) }

// Applied is what an Apply counted, what it found counted before, and what came too late to tell.
type Applied struct{ Entries, Marks, Figures, Repeated, Late int }

// at is a conversation.
type at struct{ tenant, conversation string }

func (a at) compare(b at) int {
	return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.conversation, b.conversation))
}

// Apply counts what records say that was not counted before, in one transaction. It may be repeated, in any order.
func (r *Rollups) Apply(ctx context.Context, records []eventlog.Record) (Applied, error) {
	entries := map[at][]*logpb.Entry{}
	var marks []mark
	var figures []*eventlog.FiguresRecord
	for _, rec := range records {
		switch {
		case rec.Batch != nil:
			c := at{string(rec.Batch.Conv.Tenant()), rec.Batch.Conv.ID()}
			entries[c] = append(entries[c], rec.Batch.Batch.GetEntries()...)
		case rec.Mark != nil:
			marks = append(marks, mark{
				tenant: string(rec.Mark.User.Tenant()), user: rec.Mark.User.ID(), conversation: rec.Mark.Conv.ID(), seq: int64(rec.Mark.Read), at: rec.Timestamp,
			})
		case rec.Figures != nil:
			figures = append(figures, rec.Figures)
		}
	}
	var done Applied
	err := r.db.Write(ctx, func(tx pgx.Tx) error {
		done = Applied{}
		ts := newTallies(r.minutesFrom())
		if err := countEntries(ctx, tx, entries, ts, &done); err != nil {
			return err
		}
		if err := countMarks(ctx, tx, marks, r.now(), ts, &done); err != nil {
			return err
		}
		if err := countFigures(ctx, tx, figures, r.now(), ts, &done); err != nil {
			return err
		}
		return ts.write(ctx, tx)
	})
	if err != nil {
		return Applied{}, fmt.Errorf("count records: %w", err)
	}
	return done, nil
}

// countEntries counts entries that were not, and notes that they are.
func countEntries(ctx context.Context, tx pgx.Tx, entries map[at][]*logpb.Entry, ts *tallies, done *Applied) error {
	if len(entries) == 0 {
		return nil
	}
	convs := make([]at, 0, len(entries))
	for c := range entries {
		convs = append(convs, c)
	}
	slices.SortFunc(convs, at.compare)
	have, err := lockConversations(ctx, tx, convs)
	if err != nil {
		return err
	}
	var tenants, ids []string
	var heads []int64
	out := &pgx.Batch{}
	for _, c := range convs {
		known := have[c]
		fresh := false
		for _, e := range entries[c] {
			if !known.add(e.GetSeq()) {
				done.Repeated++
				continue
			}
			fresh = true
			done.Entries++
			err := ts.at(c.tenant, time.UnixMilli(e.GetAtMs()), func(t *tally) error { t.entry(c.conversation, e); return nil })
			if err != nil {
				return err
			}
		}
		switch {
		case !fresh:
		case len(known.beyond) == 0 && len(have[c].beyond) == 0:
			tenants, ids, heads = append(tenants, c.tenant), append(ids, c.conversation), append(heads, int64(known.head))
		default: // rare: batches came out of order
			out.Queue("UPDATE analytics_conversations SET head = $3, beyond = $4 WHERE tenant = $1 AND conversation = $2",
				c.tenant, c.conversation, int64(known.head), known.pairs())
		}
	}
	if len(tenants) > 0 {
		out.Queue(`
			UPDATE analytics_conversations c SET head = u.head
			FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u (tenant, conversation, head)
			WHERE c.tenant = u.tenant AND c.conversation = u.conversation`, tenants, ids, heads)
	}
	return tx.SendBatch(ctx, out).Close()
}

// lockConversations returns what is counted of conversations, which come in the order of their keys, and locks it.
func lockConversations(ctx context.Context, tx pgx.Tx, convs []at) (map[at]counted, error) {
	tenants, ids := make([]string, len(convs)), make([]string, len(convs))
	for i, c := range convs {
		tenants[i], ids[i] = c.tenant, c.conversation
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO analytics_conversations (tenant, conversation, head, beyond)
		SELECT tenant, conversation, 0, '{}' FROM unnest($1::text[], $2::text[]) AS u (tenant, conversation)
		ORDER BY tenant COLLATE "C", conversation COLLATE "C" ON CONFLICT DO NOTHING`, tenants, ids); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT c.tenant, c.conversation, c.head, c.beyond
		FROM unnest($1::text[], $2::text[]) AS u (tenant, conversation)
		JOIN analytics_conversations c ON c.tenant = u.tenant AND c.conversation = u.conversation
		ORDER BY c.tenant, c.conversation FOR UPDATE OF c`, tenants, ids)
	if err != nil {
		return nil, err
	}
	have := make(map[at]counted, len(convs))
	var c at
	var head int64
	var beyond []int64
	_, err = pgx.ForEachRow(rows, []any{&c.tenant, &c.conversation, &head, &beyond}, func() error {
		have[c] = countedOf(head, beyond)
		return nil
	})
	return have, err
}
