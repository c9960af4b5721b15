package check

import (
	"context"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// stays returns when a user was a member: the seqs of the entries that brought and removed the user, 0 for still.
func (l *log) stays(user string) []store.Interval {
	var stays []store.Interval
	for _, e := range l.entries {
		for _, m := range e.GetMembersAdded().GetMembers() {
			if m.GetUser() == user && (len(stays) == 0 || stays[len(stays)-1].Left != 0) {
				stays = append(stays, store.Interval{Joined: e.GetSeq()})
			}
		}
		for _, u := range e.GetMembersRemoved().GetUsers() {
			if u == user && len(stays) > 0 && stays[len(stays)-1].Left == 0 {
				stays[len(stays)-1].Left = e.GetSeq()
			}
		}
	}
	return stays
}

func within(stays []store.Interval, seq uint64) bool {
	for _, s := range stays {
		if seq >= s.Joined && (s.Left == 0 || seq <= s.Left) {
			return true
		}
	}
	return false
}

// member is a place in a conversation.
type member struct {
	Role         string
	Joined, Left uint64
}

// members is what the log adds up to.
func (l *log) members() map[string]member {
	out := map[string]member{}
	for _, e := range l.entries {
		for _, m := range e.GetMembersAdded().GetMembers() {
			if have, ok := out[m.GetUser()]; !ok || have.Left != 0 {
				out[m.GetUser()] = member{Role: m.GetRole(), Joined: e.GetSeq()}
			}
		}
		for _, u := range e.GetMembersRemoved().GetUsers() {
			if have, ok := out[u]; ok && have.Left == 0 {
				have.Left = e.GetSeq()
				out[u] = have
			}
		}
		if rc := e.GetRoleChanged(); rc != nil {
			have := out[rc.GetUser()]
			have.Role = rc.GetRole()
			out[rc.GetUser()] = have
		}
	}
	return out
}

// compareMembers compares the members of the log, of the read model and of the store.
func (v *verification) compareMembers(ctx context.Context, conn *pgx.Conn, l *log, key []any) ([]Violation, error) {
	want := l.members()
	rows, err := conn.Query(ctx, `SELECT user_id, role, joined, left_seq FROM members WHERE tenant = $1 AND conversation = $2 AND joined > 0`, key...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	model := map[string]member{}
	for rows.Next() {
		var (
			user, role   string
			joined, left int64
		)
		if err := rows.Scan(&user, &role, &joined, &left); err != nil {
			return nil, err
		}
		model[user] = member{role, uint64(joined), uint64(left)}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	var bad []Violation
	if diff := cmp.Diff(want, model); diff != "" {
		bad = append(bad, Violation{Promise: "P5", Where: l.conv.String(), What: "the read model's members differ from the log's (-log +model):\n" + diff})
	}
	kept, err := v.r.s.Store.Members(ctx, l.conv)
	if err != nil {
		return nil, err
	}
	stored := map[string]member{}
	for _, m := range kept {
		stored[m.User.ID()] = member{m.Role, m.Joined, m.Left}
	}
	if diff := cmp.Diff(want, stored); diff != "" {
		bad = append(bad, Violation{Promise: "P2", Where: l.conv.String(), What: "the store's members differ from the log's (-log +store):\n" + diff})
	}
	return bad, nil
}
