package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Chain is what verifying and exporting read of the log.
type Chain interface {
	// Tenants lists the tenants that have entries, in order.
	Tenants(ctx context.Context) ([]string, error)
	// End returns the head that is kept beside the tenant's chain, and the place of its last entry, as of one moment.
	End(ctx context.Context, tenant string) (head Head, last int64, err error)
	// Entries returns the tenant's entries after one place and up to another, in order, at most limit.
	Entries(ctx context.Context, tenant string, after, upTo int64, limit int) ([]Entry, error)
}

var _ Chain = (*Log)(nil)

// Tenants implements Chain. It finds those, too, whose head is gone.
func (l *Log) Tenants(ctx context.Context) (tenants []string, err error) {
	err = l.db.Read(ctx, func(tx pgx.Tx) error {
		// From one tenant to the next by the index: there are few, with many entries each.
		rows, err := tx.Query(ctx, `
			WITH RECURSIVE t AS (
			    (SELECT tenant FROM audit_entries ORDER BY tenant LIMIT 1)
			    UNION ALL
			    SELECT (SELECT tenant FROM audit_entries WHERE tenant > t.tenant ORDER BY tenant LIMIT 1) FROM t WHERE t.tenant IS NOT NULL
			)
			SELECT tenant FROM t WHERE tenant IS NOT NULL UNION SELECT tenant FROM audit_heads WHERE n > 0 ORDER BY tenant`)
		if err != nil {
			return err
		}
		tenants, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the audit log's tenants: %w", err)
	}
	return tenants, nil
}

// End implements Chain. A head that is not there is that of no entry.
func (l *Log) End(ctx context.Context, tenant string) (head Head, last int64, err error) {
	err = l.db.Read(ctx, func(tx pgx.Tx) error {
		head, err = scanHead(tx.QueryRow(ctx, "SELECT n, hash FROM audit_heads WHERE tenant = $1", tenant))
		if errors.Is(err, pgx.ErrNoRows) {
			head, err = Head{Hash: Genesis(tenant)}, nil
		}
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT coalesce(max(n), 0) FROM audit_entries WHERE tenant = $1", tenant).Scan(&last)
	})
	if err != nil {
		return head, last, fmt.Errorf("read the end of an audit log: %w", err)
	}
	return head, last, nil
}

// Entries implements Chain.
func (l *Log) Entries(ctx context.Context, tenant string, after, upTo int64, limit int) (entries []Entry, err error) {
	err = l.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT n, at_ms, kind, actor, subject, details, source, prev, hash FROM audit_entries
			WHERE tenant = $1 AND n > $2 AND n <= $3 ORDER BY n LIMIT $4`, tenant, after, upTo, limit)
		if err != nil {
			return err
		}
		entries, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
			e := Entry{Tenant: tenant}
			var prev, hash []byte
			err := row.Scan(&e.N, &e.AtMS, &e.Kind, &e.Actor, &e.Subject, &e.Details, &e.Source, &prev, &hash)
			// A hash of another length is one that was changed: none has the zero hash.
			copy(e.Prev[:], prev)
			copy(e.Hash[:], hash)
			return e, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read an audit log: %w", err)
	}
	return entries, nil
}
