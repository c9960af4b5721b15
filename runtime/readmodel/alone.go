package readmodel

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Alone runs f while no other process runs one under the same name, and says whether it did: while another is at it, it returns at once. A process
// that dies lets the next one in. So does one that loses the database meanwhile, without knowing: f must bear that another has begun. It takes a
// connection of the writer's pool for as long.
func (m *Model) Alone(ctx context.Context, name string, f func(context.Context) error) (mine bool, err error) {
	err = m.writer.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name).Scan(&mine); err != nil || !mine {
			return err
		}
		err := f(ctx)
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		if _, uerr := conn.Exec(after, "SELECT pg_advisory_unlock(hashtextextended($1, 0))", name); uerr != nil {
			return errors.Join(err, conn.Conn().Close(after)) // the lock goes with the connection
		}
		return err
	})
	if err != nil {
		return mine, fmt.Errorf("alone at it: %w", err)
	}
	return mine, nil
}
