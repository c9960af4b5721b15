package readmodel

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// purgeChunk is how many seqs a statement deletes at a time.
const purgeChunk = 5000

// Reached is a conversation with a seq that it has reached.
type Reached struct {
	Conv store.Conv
	Seq  uint64
}

// TenantConversations lists some of the tenant's conversations that anything is known of, at most limit.
func (m *Model) TenantConversations(ctx context.Context, t store.Tenant, limit int) ([]Reached, error) {
	rows, err := m.writer.Query(ctx, `
		SELECT conversation, max(head) FROM (
			(SELECT conversation, head FROM conversations WHERE tenant = $1 ORDER BY conversation LIMIT $2)
			UNION ALL (SELECT conversation, 0 FROM parked_conversations WHERE tenant = $1 ORDER BY conversation LIMIT $2)
			UNION ALL (SELECT conversation, first_seq FROM parked_records WHERE tenant = $1 ORDER BY conversation LIMIT $2)
			UNION ALL (SELECT conversation, head FROM tails WHERE tenant = $1 ORDER BY conversation LIMIT $2)
			UNION ALL (SELECT conversation, seq FROM messages WHERE tenant = $1 ORDER BY conversation LIMIT 1)
			UNION ALL (SELECT conversation, seq FROM analytics_waiting WHERE tenant = $1 ORDER BY conversation LIMIT $2)
			UNION ALL (SELECT conversation, head FROM analytics_conversations WHERE tenant = $1 ORDER BY conversation LIMIT $2)
		) AS known GROUP BY conversation ORDER BY conversation LIMIT $2`, string(t), limit)
	if err != nil {
		return nil, fmt.Errorf("list a tenant's conversations: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Reached, error) {
		var id string
		var seq int64
		if err := row.Scan(&id, &seq); err != nil {
			return Reached{}, err
		}
		c, err := store.NewConv(t, id)
		return Reached{Conv: c, Seq: uint64(max(seq, 0))}, err
	})
}

// CountConversations counts the tenant's.
func (m *Model) CountConversations(ctx context.Context, t store.Tenant) (n int64, err error) {
	err = m.writer.QueryRow(ctx, "SELECT count(*) FROM conversations WHERE tenant = $1", string(t)).Scan(&n)
	return n, err
}

// PurgeConversation deletes all that is known of a conversation but for its members: PurgeUser does. What names it goes last, so it may be repeated.
func (m *Model) PurgeConversation(ctx context.Context, c store.Conv) error {
	tenant, id := string(c.Tenant()), c.ID()
	for {
		var first int64
		err := m.writer.QueryRow(ctx, "SELECT seq FROM messages WHERE tenant = $1 AND conversation = $2 ORDER BY seq LIMIT 1", tenant, id).Scan(&first)
		if errors.Is(err, pgx.ErrNoRows) {
			break
		}
		if err == nil {
			_, err = m.writer.Exec(ctx, "DELETE FROM messages WHERE tenant = $1 AND conversation = $2 AND seq >= $3 AND seq < $4",
				tenant, id, first, first+purgeChunk)
		}
		if err != nil {
			return fmt.Errorf("delete messages: %w", err)
		}
	}
	for _, table := range []string{
		"analytics_waiting", "analytics_conversations", "reviews", "parked_records", "parked_conversations", "tails", "conversations",
	} {
		if _, err := m.writer.Exec(ctx, "DELETE FROM "+table+" WHERE tenant = $1 AND conversation = $2", tenant, id); err != nil {
			return fmt.Errorf("delete from %s: %w", table, err)
		}
	}
	return nil
}

// TenantUsers lists some of the tenant's users of whom anything is known, at most limit.
func (m *Model) TenantUsers(ctx context.Context, t store.Tenant, limit int) ([]store.User, error) {
	rows, err := m.writer.Query(ctx, `
		(SELECT DISTINCT user_id FROM members WHERE tenant = $1 ORDER BY user_id LIMIT $2)
		UNION (SELECT DISTINCT user_id FROM analytics_reads WHERE tenant = $1 ORDER BY user_id LIMIT $2)
		UNION (SELECT user_id FROM audit_keys WHERE tenant = $1 ORDER BY user_id LIMIT $2)
		ORDER BY user_id LIMIT $2`, string(t), limit)
	if err != nil {
		return nil, fmt.Errorf("list a tenant's users: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.User, error) {
		var id string
		if err := row.Scan(&id); err != nil {
			return store.User{}, err
		}
		return store.NewUser(t, id)
	})
}

// PurgeUser deletes the user's places in conversations, the reviews of what the user wrote and what says which audit entries are about the
// user, and forgets what the user has decided. It may be repeated.
func (m *Model) PurgeUser(ctx context.Context, u store.User) error {
	for _, sql := range []string{
		"DELETE FROM reviews WHERE tenant = $1 AND author = $2",
		"UPDATE reviews SET decided_by = '' WHERE tenant = $1 AND decided_by = $2",
		"DELETE FROM analytics_reads WHERE tenant = $1 AND user_id = $2",
		"DELETE FROM audit_keys WHERE tenant = $1 AND user_id = $2",
		"DELETE FROM members WHERE tenant = $1 AND user_id = $2",
	} {
		if _, err := m.writer.Exec(ctx, sql, string(u.Tenant()), u.ID()); err != nil {
			return fmt.Errorf("purge a user from the read model: %w", err)
		}
	}
	return nil
}

// PurgeFigures deletes what was counted of the tenant.
func (m *Model) PurgeFigures(ctx context.Context, t store.Tenant) error {
	for _, sql := range []string{
		"DELETE FROM analytics_pushes WHERE tenant = $1",
		"DELETE FROM analytics_sources WHERE tenant = $1",
		"DELETE FROM analytics_rollups WHERE tenant = $1",
	} {
		if _, err := m.writer.Exec(ctx, sql, string(t)); err != nil {
			return fmt.Errorf("delete rollups: %w", err)
		}
	}
	return nil
}
