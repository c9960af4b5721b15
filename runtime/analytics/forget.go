package analytics

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// forgetChunk is how many rows one transaction drops.
const forgetChunk = 5000

// Forget drops rollups by minute that are older than the retention, and returns how many.
func (r *Rollups) Forget(ctx context.Context) (dropped int, err error) {
	for {
		n := 0
		err := r.db.Write(ctx, func(tx pgx.Tx) error {
			// Rows that are being changed are left to the next time.
			tag, err := tx.Exec(ctx, `
				DELETE FROM analytics_rollups WHERE ctid = ANY (ARRAY(
				    SELECT ctid FROM analytics_rollups WHERE step = $1 AND start < $2 LIMIT $3 FOR UPDATE SKIP LOCKED))`,
				string(Minute), r.minutesFrom().Truncate(steps[Minute]), forgetChunk)
			n = int(tag.RowsAffected())
			return err
		})
		dropped += n
		if err != nil {
			return dropped, fmt.Errorf("drop old minutes: %w", err)
		}
		if n < forgetChunk {
			return dropped, nil
		}
	}
}
