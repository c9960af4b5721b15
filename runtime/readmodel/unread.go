package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Unread returns how many messages each of the users has not read, in all conversations that the user is in: the sum of what the
// inbox shows. It is derived from marks and counts, so it cannot drift. Users whom the model does not know are left out.
func (m *Model) Unread(ctx context.Context, t store.Tenant, users []string) (map[string]int, error) {
	rows, err := m.reader.Query(ctx, `
		SELECT m.user_id, sum(greatest(c.count - `+countAt("m.tenant", "m.conversation", "greatest(m.read_seq, m.joined)")+`, 0))::bigint
		FROM members m
		JOIN conversations c ON c.tenant = m.tenant AND c.conversation = m.conversation
		WHERE m.tenant = $1 AND m.user_id = ANY ($2) AND m.joined > 0 AND m.left_seq = 0
		GROUP BY m.user_id`, string(t), users)
	if err != nil {
		return nil, fmt.Errorf("read unread totals: %w", err)
	}
	totals := make(map[string]int, len(users))
	var user string
	var total int
	if _, err := pgx.ForEachRow(rows, []any{&user, &total}, func() error { totals[user] = total; return nil }); err != nil {
		return nil, fmt.Errorf("read unread totals: %w", err)
	}
	return totals, nil
}
