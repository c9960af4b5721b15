package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/latency"
)

// Step is how long a rollup is.
type Step string

// Steps.
const (
	Minute Step = "minute"
	Hour   Step = "hour"
	Day    Step = "day"
)

var steps = map[Step]time.Duration{Minute: time.Minute, Hour: time.Hour, Day: 24 * time.Hour}

// place is one rollup's.
type place struct {
	tenant string
	step   Step
	start  int64 // Unix seconds
}

func compare(a, b place) int {
	return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.step, b.step), cmp.Compare(a.start, b.start))
}

// tallies are what is to be added to rollups.
type tallies struct {
	byPlace map[place]*tally
	// minutesFrom is since when there are rollups by minute.
	minutesFrom time.Time
}

func newTallies(minutesFrom time.Time) *tallies {
	return &tallies{byPlace: map[place]*tally{}, minutesFrom: minutesFrom}
}

// at has f count into every rollup of that moment.
func (ts *tallies) at(tenant string, at time.Time, f func(*tally) error) error {
	for step, length := range steps {
		start := at.UTC().Truncate(length)
		if step == Minute && start.Before(ts.minutesFrom) {
			continue
		}
		p := place{tenant, step, start.Unix()}
		t := ts.byPlace[p]
		if t == nil {
			var err error
			if t, err = newTally(); err != nil {
				return err
			}
			ts.byPlace[p] = t
		}
		if err := f(t); err != nil {
			return err
		}
	}
	return nil
}

// write adds them to the rollups.
func (ts *tallies) write(ctx context.Context, tx pgx.Tx) error {
	places := make([]place, 0, len(ts.byPlace))
	for p := range ts.byPlace {
		places = append(places, p)
	}
	slices.SortFunc(places, compare)
	for _, p := range places {
		if err := ts.byPlace[p].add(ctx, tx, p); err != nil {
			return fmt.Errorf("write a rollup: %w", err)
		}
	}
	return nil
}

const countColumns = "messages, edits, deletions, reactions, conversations_started, flagged, masked, hidden, reverted, reads, deliveries"

// fields are the counts in the order of countColumns.
func (c *Counts) fields() []any {
	return []any{
		&c.Messages, &c.Edits, &c.Deletions, &c.Reactions, &c.ConversationsStarted, &c.Flagged, &c.Masked, &c.Hidden, &c.Reverted, &c.Reads,
		&c.Deliveries,
	}
}

// add adds the tally to its row, which is locked until the transaction ends.
func (t *tally) add(ctx context.Context, tx pgx.Tx, p place) error {
	start := time.Unix(p.start, 0).UTC()
	if _, err := tx.Exec(ctx, "INSERT INTO analytics_rollups (tenant, step, start) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		p.tenant, string(p.step), start); err != nil {
		return err
	}
	have, err := scanTally(tx.QueryRow(ctx, "SELECT "+tallyColumns+" FROM analytics_rollups WHERE tenant = $1 AND step = $2 AND start = $3 FOR UPDATE",
		p.tenant, string(p.step), start))
	if err != nil {
		return err
	}
	if err := have.merge(t); err != nil {
		return err
	}
	args := append([]any{p.tenant, string(p.step), start}, have.fields()...)
	said, err := have.sketched()
	if err != nil {
		return err
	}
	if _, err = tx.Exec(ctx, `
		UPDATE analytics_rollups SET (`+countColumns+`, active_users, active_conversations, users, conversations,
		    read_p50_ms, read_p90_ms, read_p99_ms, read_latency, delivery_p50_ms, delivery_p90_ms, delivery_p99_ms, delivery_latency)
		    = ($4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
		WHERE tenant = $1 AND step = $2 AND start = $3`, append(args, said...)...); err != nil {
		return err
	}
	return t.addPushes(ctx, tx, p)
}

// sketched is what the sketches say, and themselves.
func (t *tally) sketched() ([]any, error) {
	activeUsers, activeConversations := int64(t.users.Estimate()), int64(t.conversations.Estimate())
	users, err := t.users.MarshalBinary()
	if err != nil {
		return nil, err
	}
	conversations, err := t.conversations.MarshalBinary()
	if err != nil {
		return nil, err
	}
	out := []any{activeUsers, activeConversations, users, conversations}
	for _, sketch := range []*latency.Sketch{t.latency, t.delivery} {
		ms, err := milliseconds(sketch)
		if err != nil {
			return nil, err
		}
		out = append(out, ms[0], ms[1], ms[2], sketch.Encode())
	}
	return out, nil
}

const tallyColumns = countColumns + ", users, conversations, read_latency, delivery_latency"

// scanTally reads a row of tallyColumns.
func scanTally(row pgx.Row) (*tally, error) {
	t, err := newTally()
	if err != nil {
		return nil, err
	}
	var users, conversations, reads, deliveries []byte
	if err := row.Scan(append(t.fields(), &users, &conversations, &reads, &deliveries)...); err != nil {
		return nil, err
	}
	if users == nil {
		return t, nil // a row that was just made
	}
	if err := errors.Join(t.users.UnmarshalBinary(users), t.conversations.UnmarshalBinary(conversations)); err != nil {
		return nil, fmt.Errorf("decode a rollup: %w", err)
	}
	if t.latency, err = latency.Decode(reads); err != nil {
		return nil, fmt.Errorf("decode a rollup: %w", err)
	}
	if deliveries == nil {
		return t, nil // a row of a release that measured none
	}
	if t.delivery, err = latency.Decode(deliveries); err != nil {
		return nil, fmt.Errorf("decode a rollup: %w", err)
	}
	return t, nil
}
