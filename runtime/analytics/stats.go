package analytics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// MaxPoints bounds the points of one answer.
const MaxPoints = 5000

// ErrBadRange says that a range is none, or longer than MaxPoints steps.
var ErrBadRange = errors.New("bad range")

// Latencies are of reads; zero where there was none.
type Latencies struct{ P50, P90, P99 time.Duration }

// Figures are what is known of a stretch of time. Distinct numbers are estimates, of a standard error of 1.6 %; latencies are exact to 1 %.
type Figures struct {
	Counts
	ActiveUsers, ActiveConversations int64
	ReadLatency                      Latencies
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
			if p.Figures, err = t.figures(); err != nil {
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
		stats.Total, err = total.figures()
	}
	if err != nil {
		return Stats{}, fmt.Errorf("read the rollups: %w", err)
	}
	return stats, nil
}

// after is a row with a column before those that are asked for.
type after struct {
	row   pgx.Row
	first any
}

// Scan implements pgx.Row.
func (a after) Scan(dest ...any) error { return a.row.Scan(append([]any{a.first}, dest...)...) }

// figures are what a tally says.
func (t *tally) figures() (Figures, error) {
	f := Figures{Counts: t.Counts, ActiveUsers: int64(t.users.Estimate()), ActiveConversations: int64(t.conversations.Estimate())}
	ms, err := t.latencies()
	if err != nil || ms[0] == nil {
		return f, err
	}
	duration := func(ms *float64) time.Duration { return time.Duration(*ms * float64(time.Millisecond)) }
	f.ReadLatency = Latencies{P50: duration(ms[0]), P90: duration(ms[1]), P99: duration(ms[2])}
	return f, nil
}
