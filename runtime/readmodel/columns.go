package readmodel

import (
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxSeq is the highest number that a bigint holds.
const maxSeq = math.MaxInt64

// conversationColumns are conversations after their batches, a slice per column.
type conversationColumns struct {
	tenants, conversations, kinds, titles, senders, previews []string
	heads, counts, lastSeqs, lastAts                         []int64
}

func (c *conversationColumns) add(s Summary) {
	c.tenants = append(c.tenants, string(s.Conv.Tenant()))
	c.conversations = append(c.conversations, s.Conv.ID())
	c.kinds = append(c.kinds, s.Kind)
	c.titles = append(c.titles, s.Title)
	c.heads = append(c.heads, int64(s.Head))
	c.counts = append(c.counts, int64(s.Count))
	c.lastSeqs = append(c.lastSeqs, int64(s.LastSeq))
	c.lastAts = append(c.lastAts, s.LastAtMS)
	c.senders = append(c.senders, s.LastSender)
	c.previews = append(c.previews, s.LastPreview)
}

func (c *conversationColumns) queue(out *pgx.Batch) {
	out.Queue(`
		UPDATE conversations c
		SET kind = u.kind, title = u.title, head = u.head, count = u.count,
		    last_seq = u.last_seq, last_at_ms = u.last_at_ms, last_sender = u.last_sender, last_preview = u.last_preview
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::text[])
		     AS u (tenant, conversation, kind, title, head, count, last_seq, last_at_ms, last_sender, last_preview)
		WHERE c.tenant = u.tenant AND c.conversation = u.conversation AND c.head < u.head`,
		c.tenants, c.conversations, c.kinds, c.titles, c.heads, c.counts, c.lastSeqs, c.lastAts, c.senders, c.previews)
	out.Queue(`
		INSERT INTO tails AS t (tenant, conversation, head, count, due_at)
		SELECT u.tenant, u.conversation, u.head, u.count, now() + $5::interval
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS u (tenant, conversation, head, count)
		ON CONFLICT (tenant, conversation) DO UPDATE SET head = excluded.head, count = excluded.count WHERE t.head < excluded.head`,
		c.tenants, c.conversations, c.heads, c.counts, tailEvery)
}

// entryColumns are rows of messages.
type entryColumns struct {
	tenants, conversations, kinds, senders, ids []string
	seqs, counts                                []int64
	ats                                         []time.Time
	entries                                     [][]byte
}

func (c *entryColumns) add(conv store.Conv, r row) {
	c.tenants = append(c.tenants, string(conv.Tenant()))
	c.conversations = append(c.conversations, conv.ID())
	c.seqs = append(c.seqs, int64(r.entry.GetSeq()))
	c.kinds = append(c.kinds, r.kind)
	c.senders = append(c.senders, r.entry.GetSender())
	c.ids = append(c.ids, column(r.entry.GetClientMsgId()))
	c.ats = append(c.ats, r.at())
	c.counts = append(c.counts, int64(r.entry.GetCount()))
	c.entries = append(c.entries, r.bytes)
}

func (c *entryColumns) queue(out *pgx.Batch) {
	out.Queue(`
		INSERT INTO messages (tenant, conversation, seq, kind, sender, client_msg_id, at, count, entry)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bigint[], $9::bytea[])
		ON CONFLICT DO NOTHING`,
		c.tenants, c.conversations, c.seqs, c.kinds, c.senders, c.ids, c.ats, c.counts, c.entries)
}

// foldedColumns are rows of messages whose entry has changed.
type foldedColumns struct {
	tenants, conversations []string
	seqs                   []int64
	ats                    []time.Time
	entries                [][]byte
}

func (c *foldedColumns) add(conv store.Conv, r row) {
	c.tenants = append(c.tenants, string(conv.Tenant()))
	c.conversations = append(c.conversations, conv.ID())
	c.seqs = append(c.seqs, int64(r.entry.GetSeq()))
	c.ats = append(c.ats, r.at())
	c.entries = append(c.entries, r.bytes)
}

func (c *foldedColumns) queue(out *pgx.Batch) {
	if len(c.tenants) == 0 {
		return
	}
	out.Queue(`
		UPDATE messages m SET entry = u.entry
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::bytea[]) AS u (tenant, conversation, seq, at, entry)
		WHERE m.tenant = u.tenant AND m.conversation = u.conversation AND m.seq = u.seq AND m.at = u.at`,
		c.tenants, c.conversations, c.seqs, c.ats, c.entries)
}

// queue applies the change as the store's membership does: coming again starts a new stay, and what was read stays read.
func (c memberChange) queue(out *pgx.Batch, conv store.Conv) {
	tenant, id := string(conv.Tenant()), conv.ID()
	if c.roleOnly {
		out.Queue(`
			UPDATE members SET role = $4, changed = $5
			WHERE tenant = $1 AND user_id = $2 AND conversation = $3 AND changed < $5 AND joined > 0`,
			tenant, c.user, id, c.role, int64(c.seq))
		return
	}
	if c.left {
		out.Queue(`
			UPDATE members SET left_seq = $4, left_title = $5, changed = $4
			WHERE tenant = $1 AND user_id = $2 AND conversation = $3 AND changed < $4 AND joined > 0`,
			tenant, c.user, id, int64(c.seq), c.title)
		return
	}
	out.Queue(`
		INSERT INTO members AS m (tenant, user_id, conversation, role, peer, joined, joined_at_ms, left_seq, left_title, changed, read_seq)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', $6, 0)
		ON CONFLICT (tenant, user_id, conversation) DO UPDATE
		SET role = excluded.role, peer = excluded.peer, joined = excluded.joined, joined_at_ms = excluded.joined_at_ms,
		    left_seq = 0, left_title = '', changed = excluded.changed
		WHERE m.changed < excluded.changed`,
		tenant, c.user, id, c.role, c.peer, int64(c.seq), c.atMS)
}
