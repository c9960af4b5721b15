package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// forgetChunk is how many rows one transaction drops.
	forgetChunk = 5000
	// forgetSlack keeps sources longer than figures of theirs are counted: clocks of processes differ.
	forgetSlack = 24 * time.Hour
)

// Forget drops rollups by minute that are older than the retention, and what is known of sources of figures that are as old that none of theirs is
// counted. It returns how many minutes.
func (r *Rollups) Forget(ctx context.Context) (dropped int, err error) {
	minutes := r.minutesFrom().Truncate(steps[Minute])
	// Rows that are being changed are left to the next time.
	if dropped, err = r.drop(ctx, `
		DELETE FROM analytics_rollups WHERE ctid = ANY (ARRAY(
		    SELECT ctid FROM analytics_rollups WHERE step = 'minute' AND start < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`, minutes); err != nil {
		return dropped, fmt.Errorf("drop old minutes: %w", err)
	}
	if _, err = r.drop(ctx, `
		DELETE FROM analytics_pushes WHERE ctid = ANY (ARRAY(
		    SELECT ctid FROM analytics_pushes WHERE step = 'minute' AND start < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`, minutes); err != nil {
		return dropped, fmt.Errorf("drop old minutes of pushes: %w", err)
	}
	if _, err = r.drop(ctx, `
		DELETE FROM analytics_sources WHERE ctid = ANY (ARRAY(
		    SELECT ctid FROM analytics_sources WHERE last_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`, r.now().Add(-sourceKept-forgetSlack)); err != nil {
		return dropped, fmt.Errorf("forget old sources: %w", err)
	}
	return dropped, nil
}

// drop repeats a statement that deletes up to a number of what is older than before, until nothing is left.
func (r *Rollups) drop(ctx context.Context, sql string, before time.Time) (dropped int, err error) {
	for n := forgetChunk; n == forgetChunk; dropped += n {
		err := r.db.Write(ctx, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, sql, before, forgetChunk)
			n = int(tag.RowsAffected())
			return err
		})
		if err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}
