package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// parkedRetry is how long a parked conversation rests before it is tried again.
const parkedRetry = 5 * time.Minute

func queuePark(out *pgx.Batch, p Parked) {
	out.Queue(`
		INSERT INTO parked_conversations AS p (tenant, conversation, reason, parked_at, attempts, retry_at) VALUES ($1, $2, $3, now(), 1, now() + $4::interval)
		ON CONFLICT (tenant, conversation) DO UPDATE SET reason = excluded.reason, attempts = p.attempts + 1, retry_at = excluded.retry_at`,
		string(p.Conv.Tenant()), p.Conv.ID(), p.Reason, parkedRetry)
}

// lockParked returns which of the groups are parked, and keeps them so until the transaction ends.
func lockParked(ctx context.Context, tx pgx.Tx, groups []*group) (map[store.Conv]bool, error) {
	tenants, conversations := keys(groups)
	rows, err := tx.Query(ctx, `
		SELECT tenant, conversation FROM parked_conversations
		WHERE (tenant, conversation) IN (SELECT * FROM unnest($1::text[], $2::text[]))
		ORDER BY tenant, conversation FOR UPDATE`, tenants, conversations)
	if err != nil {
		return nil, err
	}
	convs, err := pgx.CollectRows(rows, scanConv)
	parked := map[store.Conv]bool{}
	for _, c := range convs {
		parked[c] = true
	}
	return parked, err
}

func scanConv(row pgx.CollectableRow) (store.Conv, error) {
	var tenant, conversation string
	if err := row.Scan(&tenant, &conversation); err != nil {
		return store.Conv{}, err
	}
	return store.NewConv(store.Tenant(tenant), conversation)
}

// CountParked returns how many conversations are parked.
func (w *Writer) CountParked(ctx context.Context) (int, error) {
	var n int
	if err := w.m.writer.QueryRow(ctx, "SELECT count(*) FROM parked_conversations").Scan(&n); err != nil {
		return 0, fmt.Errorf("count parked conversations: %w", err)
	}
	return n, nil
}

// RetryParked tries at most limit parked conversations again that have rested: a fixed release, or a store that has the missing
// entries, lets them go on. What still fails stays parked, with its newest reason.
func (w *Writer) RetryParked(ctx context.Context, limit int) (Applied, error) {
	var total Applied
	// Claimed, so that one that fails for another reason does not stand in the others' way.
	rows, err := w.m.writer.Query(ctx, `
		UPDATE parked_conversations p SET retry_at = now() + $1::interval
		FROM (SELECT tenant, conversation FROM parked_conversations WHERE retry_at <= now() ORDER BY retry_at LIMIT $2 FOR UPDATE SKIP LOCKED) d
		WHERE p.tenant = d.tenant AND p.conversation = d.conversation
		RETURNING p.tenant, p.conversation`, parkedRetry, limit)
	if err != nil {
		return total, fmt.Errorf("claim parked conversations: %w", err)
	}
	convs, err := pgx.CollectRows(rows, scanConv)
	if err != nil {
		return total, fmt.Errorf("claim parked conversations: %w", err)
	}
	var failed []error
	for _, c := range convs {
		if err := w.retryParked(ctx, c, &total); err != nil {
			failed = append(failed, fmt.Errorf("retry parked conversation %s: %w", c, err))
		}
	}
	return total, errors.Join(failed...)
}

func (w *Writer) retryParked(ctx context.Context, c store.Conv, total *Applied) error {
	g, err := w.m.parkedGroup(ctx, c)
	if err != nil {
		return err
	}
	var one Applied
	if err := w.completeGroups(ctx, []*group{g}, mode{retry: true}, &one); err != nil {
		return err
	}
	if len(one.Parked) == 0 {
		err = w.write(ctx, []*group{g}, mode{retry: true}, &one)
	}
	total.add(one)
	return err
}

// parkedGroup reads what waits in a parked conversation.
func (m *Model) parkedGroup(ctx context.Context, c store.Conv) (*group, error) {
	g := &group{conv: c}
	rows, err := m.writer.Query(ctx, "SELECT kind, batch FROM parked_records WHERE tenant = $1 AND conversation = $2 ORDER BY first_seq", string(c.Tenant()), c.ID())
	if err != nil {
		return g, err
	}
	var kind string
	var data []byte
	_, err = pgx.ForEachRow(rows, []any{&kind, &data}, func() error {
		b := &logpb.Batch{}
		if err := proto.Unmarshal(data, b); err != nil {
			return fmt.Errorf("a parked record cannot be decoded: %w", err)
		}
		if g.kind == "" {
			g.kind = kind
		}
		g.batches = append(g.batches, b)
		return nil
	})
	g.sort()
	return g, err
}

// queueFree forgets the records of a parked conversation up to its head, and lets it go on when none is left.
func queueFree(out *pgx.Batch, c store.Conv, head uint64, freed func()) {
	tenant, id := string(c.Tenant()), c.ID()
	out.Queue("DELETE FROM parked_records WHERE tenant = $1 AND conversation = $2 AND first_seq <= $3", tenant, id, int64(head))
	out.Queue(`
		DELETE FROM parked_conversations p WHERE p.tenant = $1 AND p.conversation = $2
		AND NOT EXISTS (SELECT FROM parked_records r WHERE r.tenant = p.tenant AND r.conversation = p.conversation)`, tenant, id).
		Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() > 0 {
				freed()
			}
			return nil
		})
}
