package readmodel

import (
	"cmp"
	"maps"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// memberKey names a row of members.
type memberKey struct{ tenant, user, conversation string }

func compareMembers(a, b memberKey) int {
	return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.user, b.user), cmp.Compare(a.conversation, b.conversation))
}

// raises are read marks by their members' rows; 0 raises none. Whoever changes rows of members takes them all by this one statement
// first: everybody in the same order, so that nobody waits for who waits for them.
type raises map[memberKey]uint64

func (r raises) add(c store.Conv, user string, seq uint64) {
	k := memberKey{string(c.Tenant()), user, c.ID()}
	r[k] = max(r[k], min(seq, maxSeq))
}

// statement makes the rows that are not there, as ones of whom only a mark has come, raises the marks, and holds all the rows until
// the transaction ends: those whose mark is not raised, too.
func (r raises) statement() (sql string, args []any) {
	var tenants, users, conversations []string
	var seqs []int64
	for _, k := range slices.SortedFunc(maps.Keys(r), compareMembers) {
		tenants, users, conversations = append(tenants, k.tenant), append(users, k.user), append(conversations, k.conversation)
		seqs = append(seqs, int64(r[k]))
	}
	return `
		INSERT INTO members AS m (tenant, user_id, conversation, role, peer, joined, joined_at_ms, left_seq, left_title, changed, read_seq)
		SELECT u.tenant, u.user_id, u.conversation, '', '', 0, 0, 0, '', 0, u.seq
		FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS u (tenant, user_id, conversation, seq, n)
		ORDER BY n
		ON CONFLICT (tenant, user_id, conversation) DO UPDATE SET read_seq = excluded.read_seq WHERE m.read_seq < excluded.read_seq`,
		[]any{tenants, users, conversations, seqs}
}
