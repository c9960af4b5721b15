package readmodel

import (
	"context"
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Mark is the highest seq that a user has read in a conversation.
type Mark struct {
	User store.User
	Conv store.Conv
	Read uint64
}

// ApplyMarks raises read marks; a lower one changes nothing. A mark may come before the entry that brought its user: it waits
// in a membership that has not begun.
func (w *Writer) ApplyMarks(ctx context.Context, marks []Mark) error {
	type key struct {
		user store.User
		conv store.Conv
	}
	highest := map[key]uint64{}
	for _, m := range marks {
		if m.Read > 0 && m.User.Tenant() == m.Conv.Tenant() {
			k := key{m.User, m.Conv}
			highest[k] = max(highest[k], min(m.Read, maxSeq))
		}
	}
	if len(highest) == 0 {
		return nil
	}
	var c readColumns
	for k, seq := range highest {
		c.add(string(k.conv.Tenant()), k.user.ID(), k.conv.ID(), seq)
	}
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	_, err := w.m.writer.Exec(ctx, `
		INSERT INTO members AS m (tenant, user_id, conversation, role, peer, joined, joined_at_ms, left_seq, left_title, changed, read_seq)
		SELECT u.tenant, u.user_id, u.conversation, '', '', 0, 0, 0, '', 0, u.seq
		FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS u (tenant, user_id, conversation, seq)
		ORDER BY 1, 2, 3
		ON CONFLICT (tenant, user_id, conversation) DO UPDATE SET read_seq = excluded.read_seq WHERE m.read_seq < excluded.read_seq`,
		c.tenants, c.users, c.conversations, c.seqs)
	if err != nil {
		w.m.noticeFailover(err)
		return fmt.Errorf("apply read marks: %w", err)
	}
	return nil
}
