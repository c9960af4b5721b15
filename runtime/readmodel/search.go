package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// scannedTitles is how many conversations one search by title looks at.
const scannedTitles = 20_000

// Users returns the ids of the tenant's users that begin with prefix and come after another id, in the order of their bytes, at most limit. Who
// never was in a conversation is not among them.
func (m *Model) Users(ctx context.Context, t store.Tenant, prefix, after string, limit int) ([]string, error) {
	// From one user to the next by the index: each has as many rows as conversations.
	rows, err := m.reader.Query(ctx, `
		WITH RECURSIVE u AS (
		    (SELECT user_id, 1 AS n FROM members
		     WHERE tenant = $1 AND user_id >= $2 AND user_id > $3 AND starts_with(user_id, $2) ORDER BY user_id LIMIT 1)
		    UNION ALL
		    SELECT (SELECT user_id FROM members WHERE tenant = $1 AND user_id > u.user_id ORDER BY user_id LIMIT 1), u.n + 1
		    FROM u WHERE u.user_id IS NOT NULL AND starts_with(u.user_id, $2) AND u.n < $4
		)
		SELECT user_id FROM u WHERE user_id IS NOT NULL AND starts_with(user_id, $2) ORDER BY user_id`, string(t), prefix, after, limit)
	if err != nil {
		return nil, fmt.Errorf("search users: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("search users: %w", err)
	}
	return ids, nil
}

// ConversationQuery says which conversations are asked for.
type ConversationQuery struct {
	// Title is a part of the title, whatever the case; empty: any.
	Title string
	// Member is or was in them; empty: anybody.
	Member string
	// After is the id after which they come.
	After string
	Limit int
}

// Conversations returns the tenant's conversations by id. next is where the next page begins, empty after the last: where titles are searched, a page
// may have fewer than there are, or none, and be followed by another.
func (m *Model) Conversations(ctx context.Context, t store.Tenant, q ConversationQuery) (found []Summary, next string, err error) {
	fail := func(err error) ([]Summary, string, error) {
		return nil, "", fmt.Errorf("search conversations: %w", err)
	}
	ids := `SELECT x.conversation FROM conversations x WHERE x.tenant = $1 AND x.conversation > $2 AND x.head > 0 ORDER BY x.conversation LIMIT $3`
	scan := scannedTitles
	if q.Title == "" {
		scan = q.Limit + 1
	}
	args := []any{string(t), q.After, scan}
	if q.Member != "" {
		ids = `SELECT x.conversation FROM members x
			WHERE x.tenant = $1 AND x.user_id = $4 AND x.conversation > $2 AND x.joined > 0 ORDER BY x.conversation LIMIT $3`
		args = append(args, q.Member)
	}
	rows, err := m.reader.Query(ctx, "WITH scanned AS MATERIALIZED ("+ids+`)
		SELECT c.tenant, c.conversation, c.kind, c.title, c.head, c.count, c.last_seq, c.last_at_ms, c.last_sender, c.last_preview
		FROM scanned s JOIN conversations c ON c.tenant = $1 AND c.conversation = s.conversation
		WHERE strpos(lower(c.title), lower($`+fmt.Sprint(len(args)+1)+`)) > 0
		ORDER BY c.conversation LIMIT $`+fmt.Sprint(len(args)+2), append(args, q.Title, q.Limit+1)...)
	if err != nil {
		return fail(err)
	}
	if found, err = pgx.CollectRows(rows, scanSummary); err != nil {
		return fail(err)
	}
	if len(found) > q.Limit {
		return found[:q.Limit], found[q.Limit-1].Conv.ID(), nil
	}
	// Where the search stopped early, it goes on from there.
	err = m.reader.QueryRow(ctx, "SELECT coalesce((SELECT s.conversation FROM ("+ids+") AS s OFFSET $3 - 1), '')", args...).Scan(&next)
	if err != nil {
		return fail(err)
	}
	return found, next, nil
}

// CountPlaces returns how many conversations the user is in, and how many the user has left.
func (m *Model) CountPlaces(ctx context.Context, u store.User) (in, left int, err error) {
	err = m.reader.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE left_seq = 0), count(*) FILTER (WHERE left_seq > 0) FROM members
		WHERE tenant = $1 AND user_id = $2 AND joined > 0`, string(u.Tenant()), u.ID()).Scan(&in, &left)
	if err != nil {
		return 0, 0, fmt.Errorf("count a user's conversations: %w", err)
	}
	return in, left, nil
}
