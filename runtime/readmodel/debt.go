package readmodel

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// OweCache notes that the inbox's cache has not been told of something that is committed: whoever comes first when the cache is back has it
// forget all. It survives the process, and lasts until CachePaid.
func (w *Writer) OweCache(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	_, err := w.m.writer.Exec(ctx, `
		INSERT INTO cache_debt (one, generation) VALUES (true, nextval('cache_debts'))
		ON CONFLICT (one) DO UPDATE SET generation = nextval('cache_debts')`)
	if err != nil {
		w.m.noticeFailover(err)
		return fmt.Errorf("note what the cache is owed: %w", err)
	}
	return nil
}

// CacheDebt returns which debt there is, 0 for none.
func (w *Writer) CacheDebt(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	var generation int64
	err := w.m.writer.QueryRow(ctx, "SELECT generation FROM cache_debt").Scan(&generation)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read what the cache is owed: %w", err)
	}
	return generation, nil
}

// CachePaid forgets the debt unless there is a newer one.
func (w *Writer) CachePaid(ctx context.Context, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	if _, err := w.m.writer.Exec(ctx, "DELETE FROM cache_debt WHERE generation = $1", generation); err != nil {
		return fmt.Errorf("forget what the cache was owed: %w", err)
	}
	return nil
}
