package readmodel

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const selectSummary = `
	SELECT c.tenant, c.conversation, c.kind, c.title, c.head, c.count, c.last_seq, c.last_at_ms, c.last_sender, c.last_preview
	FROM conversations c`

func scanSummary(row pgx.CollectableRow) (Summary, error) {
	var s Summary
	var tenant, conversation string
	if err := row.Scan(&tenant, &conversation, &s.Kind, &s.Title, &s.Head, &s.Count, &s.LastSeq, &s.LastAtMS, &s.LastSender, &s.LastPreview); err != nil {
		return s, err
	}
	var err error
	s.Conv, err = store.NewConv(store.Tenant(tenant), conversation)
	return s, err
}

// Summaries returns those of the tenant's conversations that the model has, in no order.
func (m *Model) Summaries(ctx context.Context, t store.Tenant, conversations []string) ([]Summary, error) {
	rows, err := m.reader.Query(ctx, selectSummary+" WHERE c.tenant = $1 AND c.conversation = ANY ($2) AND c.head > 0", string(t), conversations)
	if err != nil {
		return nil, fmt.Errorf("read summaries: %w", err)
	}
	summaries, err := pgx.CollectRows(rows, scanSummary)
	if err != nil {
		return nil, fmt.Errorf("read summaries: %w", err)
	}
	return summaries, nil
}

// Place is a user's place in a conversation. It marshals to JSON for the cache.
type Place struct {
	Conversation string `json:"c"`
	// Peer is the other user of a direct conversation.
	Peer string `json:"p,omitempty"`
	// Joined and Left are seqs; Left is 0 while the user is a member.
	Joined     uint64 `json:"j"`
	JoinedAtMS int64  `json:"ja"`
	Left       uint64 `json:"l,omitempty"`
	// Read is the user's read mark, ReadCount how many countable messages there are up to it, or up to Joined where that is later.
	Read      uint64 `json:"r,omitempty"`
	ReadCount uint64 `json:"n,omitempty"`
	// Final is the conversation as it was when the user left, nil while the user is a member.
	Final *Summary `json:"f,omitempty"`
}

// countAt is the running count at a seq: that of the last entry up to it, or, where such entries are not kept any more, the one before the
// first that is.
func countAt(tenant, conversation, seq string) string {
	return strings.NewReplacer("{tenant}", tenant, "{conversation}", conversation, "{seq}", seq).Replace(`coalesce(
		(SELECT x.count FROM messages x
		 WHERE x.tenant = {tenant} AND x.conversation = {conversation} AND x.seq <= {seq} ORDER BY x.seq DESC LIMIT 1),
		(SELECT x.count - (x.kind = '` + kindMessage + `')::integer FROM messages x
		 WHERE x.tenant = {tenant} AND x.conversation = {conversation} AND x.seq > {seq} ORDER BY x.seq LIMIT 1),
		(SELECT x.count FROM conversations x WHERE x.tenant = {tenant} AND x.conversation = {conversation}),
		0)`)
}

// Places returns all of the user's conversations, those that the user has left included.
func (m *Model) Places(ctx context.Context, u store.User) ([]Place, error) {
	rows, err := m.reader.Query(ctx, `
		SELECT m.conversation, m.peer, m.joined, m.joined_at_ms, m.left_seq, m.read_seq, `+
		countAt("m.tenant", "m.conversation", "greatest(m.read_seq, m.joined)")+`,
			c.kind, m.left_title,
			CASE WHEN m.left_seq = 0 THEN 0 ELSE `+countAt("m.tenant", "m.conversation", "m.left_seq")+` END,
			coalesce(last.seq, 0), coalesce(last.entry, '')
		FROM members m
		JOIN conversations c ON c.tenant = m.tenant AND c.conversation = m.conversation
		LEFT JOIN LATERAL (
			SELECT x.seq, x.entry FROM messages x
			WHERE m.left_seq > 0 AND x.tenant = m.tenant AND x.conversation = m.conversation
			  AND x.seq BETWEEN m.joined AND m.left_seq AND x.kind = '`+kindMessage+`'
			ORDER BY x.seq DESC LIMIT 1) last ON true
		WHERE m.tenant = $1 AND m.user_id = $2 AND m.joined > 0
		ORDER BY m.conversation`, string(u.Tenant()), u.ID())
	if err != nil {
		return nil, fmt.Errorf("read the conversations of a user: %w", err)
	}
	places, err := pgx.CollectRows(rows, scanPlace)
	if err != nil {
		return nil, fmt.Errorf("read the conversations of a user: %w", err)
	}
	return places, nil
}

func scanPlace(row pgx.CollectableRow) (Place, error) {
	var p Place
	var f Summary
	var entry []byte
	err := row.Scan(&p.Conversation, &p.Peer, &p.Joined, &p.JoinedAtMS, &p.Left, &p.Read, &p.ReadCount, &f.Kind, &f.Title, &f.Count, &f.LastSeq, &entry)
	if err != nil || p.Left == 0 {
		return p, err
	}
	e := &logpb.Entry{}
	if err := proto.Unmarshal(entry, e); err != nil {
		return p, fmt.Errorf("a stored entry cannot be decoded: %w", err)
	}
	f.Head, f.LastAtMS, f.LastSender, f.LastPreview = p.Left, e.GetAtMs(), e.GetSender(), previewOf(e.GetMessage())
	p.Final = &f
	return p, nil
}

// At is a seq of a conversation.
type At struct {
	Conversation string
	Seq          uint64
}

// Counts returns the running count of countable messages at each seq, or at the last one before it that the model has.
func (m *Model) Counts(ctx context.Context, t store.Tenant, ats []At) (map[At]uint64, error) {
	var conversations []string
	var seqs []int64
	for _, a := range ats {
		conversations, seqs = append(conversations, a.Conversation), append(seqs, int64(min(a.Seq, maxSeq)))
	}
	rows, err := m.reader.Query(ctx, `
		SELECT u.conversation, u.seq, `+countAt("$1", "u.conversation", "u.seq")+`
		FROM unnest($2::text[], $3::bigint[]) AS u (conversation, seq)`, string(t), conversations, seqs)
	if err != nil {
		return nil, fmt.Errorf("read counts: %w", err)
	}
	counts := make(map[At]uint64, len(ats))
	var a At
	var count uint64
	if _, err := pgx.ForEachRow(rows, []any{&a.Conversation, &a.Seq, &count}, func() error { counts[a] = count; return nil }); err != nil {
		return nil, fmt.Errorf("read counts: %w", err)
	}
	return counts, nil
}

// First returns the seq of the first entry that the model still has or, where it has none any more, that of the next one to come; 0
// for a conversation that it does not know.
func (m *Model) First(ctx context.Context, c store.Conv) (uint64, error) {
	var first int64
	err := m.reader.QueryRow(ctx, `
		SELECT coalesce(
			(SELECT seq FROM messages WHERE tenant = $1 AND conversation = $2 ORDER BY seq LIMIT 1),
			(SELECT head + 1 FROM conversations WHERE tenant = $1 AND conversation = $2 AND head > 0), 0)`,
		string(c.Tenant()), c.ID()).Scan(&first)
	if err != nil {
		return 0, fmt.Errorf("read the first entry of %s: %w", c, err)
	}
	return uint64(first), nil
}

// Entries returns the conversation's entries from seq from to seq to, both included, in order, as far as the model has them.
func (m *Model) Entries(ctx context.Context, c store.Conv, from, to uint64) ([]*logpb.Entry, error) {
	rows, err := m.reader.Query(ctx, "SELECT entry FROM messages WHERE tenant = $1 AND conversation = $2 AND seq BETWEEN $3 AND $4 ORDER BY seq",
		string(c.Tenant()), c.ID(), int64(min(from, maxSeq)), int64(min(to, maxSeq)))
	if err != nil {
		return nil, fmt.Errorf("read entries of %s: %w", c, err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*logpb.Entry, error) {
		var data []byte
		if err := row.Scan(&data); err != nil {
			return nil, err
		}
		e := &logpb.Entry{}
		return e, proto.Unmarshal(data, e)
	})
	if err != nil {
		return nil, fmt.Errorf("read entries of %s: %w", c, err)
	}
	return entries, nil
}
