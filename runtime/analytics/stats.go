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
	"github.com/chatcluster/chatcluster/runtime/store"
)

// MaxPoints bounds the points of one answer.
const MaxPoints = 5000

// ErrBadRange says that a range is none, or longer than MaxPoints steps.
var ErrBadRange = errors.New("bad range")

// Latencies are zero where there was none.
type Latencies struct{ P50, P90, P99 time.Duration }

// Figures are what is known of a stretch of time. Distinct numbers are estimates, of a standard error of 1.6 %; latencies are exact to 1 %.
type Figures struct {
	Counts
	ActiveUsers, ActiveConversations int64
	ReadLatency, DeliveryLatency     Latencies
	// Pushes are how often platforms answered in which way, in the order of both.
	Pushes []Pushes
}

// Pushes are how often a platform answered in one way.
type Pushes struct {
	Channel, Outcome string
	Count            int64
}

// Point is one step of an answer.
type Point struct {
	Start time.Time
	Figures
}

// Stats are a tenant's figures.
type Stats struct {
	// Points are the steps in which anything happened, in order.
	Points []Point
	// Total is the whole range: who was active in several steps counts once.
	Total Figures
}

// Stats returns the figures of a tenant from one moment to before another, by steps: those that begin in between. It goes to the reader host. It
// wraps ErrBadRange for a range that is too long, or none; minutes beyond the retention are not there.
func (r *Rollups) Stats(ctx context.Context, tenant store.Tenant, from, to time.Time, step Step) (Stats, error) {
	length, ok := steps[step]
	if !ok || !from.Before(to) || to.Sub(from) > MaxPoints*length {
		return Stats{}, fmt.Errorf("%w: from before to, at most %d steps of a minute, an hour or a day", ErrBadRange, MaxPoints)
	}
	var stats Stats
	total, err := newTally()
	if err != nil {
		return Stats{}, err
	}
	err = r.db.Read(ctx, func(tx pgx.Tx) error {
		pushes, err := pushesOf(ctx, tx, tenant, from, to, step)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			SELECT start, `+tallyColumns+` FROM analytics_rollups
			WHERE tenant = $1 AND step = $2 AND start >= $3 AND start < $4 ORDER BY start`, string(tenant), string(step), from, to)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p Point
			t, err := scanTally(after{rows, &p.Start})
			if err != nil {
				return err
			}
			p.Start = p.Start.UTC()
			t.pushes = pushes[p.Start]
			if p.Figures, err = t.said(); err != nil {
				return err
			}
			if err := total.merge(t); err != nil {
				return err
			}
			stats.Points = append(stats.Points, p)
		}
		return rows.Err()
	})
	if err == nil {
		stats.Total, err = total.said()
	}
	if err != nil {
		return Stats{}, fmt.Errorf("read the rollups: %w", err)
	}
	return stats, nil
}

// pushesOf are the answers of platforms, by the beginning of the step. A rollup has a row wherever there are some.
func pushesOf(ctx context.Context, tx pgx.Tx, tenant store.Tenant, from, to time.Time, step Step) (map[time.Time]map[answer]int64, error) {
	rows, err := tx.Query(ctx, "SELECT start, channel, outcome, pushes FROM analytics_pushes WHERE tenant = $1 AND step = $2 AND start >= $3 AND start < $4",
		string(tenant), string(step), from, to)
	if err != nil {
		return nil, err
	}
	out := map[time.Time]map[answer]int64{}
	var start time.Time
	var a answer
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&start, &a.channel, &a.outcome, &n}, func() error {
		start = start.UTC()
		if out[start] == nil {
			out[start] = map[answer]int64{}
		}
		out[start][a] = n
		return nil
	})
	return out, err
}

// after is a row with a column before those that are asked for.
type after struct {
	row   pgx.Row
	first any
}

// Scan implements pgx.Row.
func (a after) Scan(dest ...any) error { return a.row.Scan(append([]any{a.first}, dest...)...) }

// figures are what a tally says.
func (t *tally) said() (Figures, error) {
	f := Figures{Counts: t.Counts, ActiveUsers: int64(t.users.Estimate()), ActiveConversations: int64(t.conversations.Estimate())}
	for a, n := range t.pushes {
		f.Pushes = append(f.Pushes, Pushes{Channel: a.channel, Outcome: a.outcome, Count: n})
	}
	slices.SortFunc(f.Pushes, func(a, b Pushes) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Outcome, b.Outcome))
	})
	var err error
	if f.ReadLatency, err = latenciesOf(t.latency); err != nil {
		return f, err
	}
	f.DeliveryLatency, err = latenciesOf(t.delivery)
	return f, err
}

func latenciesOf(s *latency.Sketch) (Latencies, error) {
	ms, err := milliseconds(s)
	if err != nil || ms[0] == nil {
		return Latencies{}, err
	}
	duration := func(ms *float64) time.Duration { return time.Duration(*ms * float64(time.Millisecond)) }
	return Latencies{P50: duration(ms[0]), P90: duration(ms[1]), P99: duration(ms[2])}, nil
}
