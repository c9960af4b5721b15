package readmodel

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Write runs f in a transaction at the writer host, which is committed when f returns nil. It is for packages that keep tables of their own in
// the same database.
func (m *Model) Write(ctx context.Context, f func(pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, m.writer, f)
	if err != nil {
		m.noticeFailover(err)
	}
	return err
}

// Read runs f in a transaction at the reader host, which may lag behind by a moment. All of it sees the same state.
func (m *Model) Read(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, m.reader, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, f)
}
