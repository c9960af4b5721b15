package chat

import (
	"context"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// permit decides whether r's user may make the change that it asks for. Owners may everything; admins add and remove plain
// members, rename, and delete any message; members leave.
func (l *lane) permit(ctx context.Context, r *request, c *composed) finding {
	if r.in.GetErasure() {
		return l.permitErasure(ctx, r, c)
	}
	switch k := r.in.GetChange().(type) {
	case *chatpb.Send_Edited:
		t, f := l.target(ctx, k.Edited.GetTarget())
		switch {
		case !f.due():
			return f
		case t.sender != r.user.ID():
			return l.foreign(ctx, r, k.Edited.GetTarget(), "only its author edits a message")
		case t.deleted || c.deletes(k.Edited.GetTarget()):
			return denied(protocol.CodeNotFound, "the message was deleted")
		}
	case *chatpb.Send_Deleted:
		return l.permitDeletion(ctx, r, c, k.Deleted.GetTarget())
	case *chatpb.Send_Reacted:
		return l.permitReaction(ctx, r, c, k.Reacted)
	case *chatpb.Send_Verdict:
		_, f := l.target(ctx, k.Verdict.GetTarget())
		return f
	case *chatpb.Send_MembersAdded, *chatpb.Send_MembersRemoved, *chatpb.Send_Renamed, *chatpb.Send_RoleChanged:
		if l.kind != store.Group {
			return denied(protocol.CodeInvalid, "the members and the title of a direct conversation stay")
		}
		return l.members.permit(r)
	}
	return finding{}
}

// foreign refuses a change of another's message; one that the user may not see looks like none.
func (l *lane) foreign(ctx context.Context, r *request, seq uint64, detail string) finding {
	switch sees, err := l.visible(ctx, r.user, seq); {
	case err != nil:
		return unreadable()
	case !sees:
		return denied(protocol.CodeNotFound, "no such message")
	default:
		return denied(protocol.CodeForbidden, detail)
	}
}

func (l *lane) permitDeletion(ctx context.Context, r *request, c *composed, seq uint64) finding {
	t, f := l.target(ctx, seq)
	if !f.due() {
		return f
	}
	if t.sender != r.user.ID() {
		if l.kind != store.Group || l.members.role(r.user.ID()) == store.RoleMember {
			return l.foreign(ctx, r, seq, "only its author, an admin or an owner deletes a message")
		}
		if sees, err := l.visible(ctx, r.user, seq); err != nil {
			return unreadable()
		} else if !sees {
			return denied(protocol.CodeNotFound, "no such message")
		}
	}
	return finding{moot: t.deleted || c.deletes(seq)}
}

func (l *lane) permitReaction(ctx context.Context, r *request, c *composed, in *logpb.Reacted) finding {
	seq := in.GetTarget()
	t, f := l.target(ctx, seq)
	if !f.due() {
		return f
	}
	switch sees, err := l.visible(ctx, r.user, seq); {
	case err != nil:
		return unreadable()
	case !sees:
		return denied(protocol.CodeNotFound, "no such message")
	case t.deleted || c.deletes(seq):
		return denied(protocol.CodeNotFound, "the message was deleted")
	case !in.GetRemoved() && t.reactions >= protocol.MaxReactions:
		return denied(protocol.CodeInvalid, "the message has as many reactions as it may have")
	default:
		return finding{}
	}
}

// permit decides about a change of the members, their roles or the title.
func (m *members) permit(r *request) finding {
	user := r.user.ID()
	mine := m.role(user)
	switch k := r.in.GetChange().(type) {
	case *chatpb.Send_MembersAdded:
		return m.permitAddition(mine, k.MembersAdded)
	case *chatpb.Send_MembersRemoved:
		gone := m.present(k.MembersRemoved.GetUsers())
		for _, u := range gone {
			if u == user || mine == store.RoleOwner || mine == store.RoleAdmin && m.role(u) == store.RoleMember {
				continue
			}
			return denied(protocol.CodeForbidden, "owners remove anyone, admins plain members, members themselves")
		}
		return finding{moot: len(gone) == 0}
	case *chatpb.Send_Renamed:
		if mine == store.RoleMember {
			return denied(protocol.CodeForbidden, "admins and owners rename a group")
		}
	case *chatpb.Send_RoleChanged:
		whom, role := k.RoleChanged.GetUser(), k.RoleChanged.GetRole()
		switch {
		case mine != store.RoleOwner:
			return denied(protocol.CodeForbidden, "owners change roles")
		case !m.is(whom):
			return denied(protocol.CodeNotFound, "no such member")
		case m.role(whom) == role:
			return finding{moot: true}
		case m.role(whom) == store.RoleOwner && !m.otherOwner(whom):
			return denied(protocol.CodeForbidden, "a group keeps an owner: make another one first")
		}
	}
	return finding{}
}

func (m *members) permitAddition(mine string, in *logpb.MembersAdded) finding {
	news := 0
	for _, who := range in.GetMembers() {
		if m.is(who.GetUser()) {
			continue
		}
		news++
		if mine == store.RoleMember || mine == store.RoleAdmin && roleOf(who.GetRole()) != store.RoleMember {
			return denied(protocol.CodeForbidden, "owners add anyone, admins plain members")
		}
	}
	if m.current+news > protocol.MaxGroupMembers {
		return denied(protocol.CodeInvalid, "a group has at most 5,000 members")
	}
	if news == 0 && mine == store.RoleMember {
		return denied(protocol.CodeForbidden, "owners add anyone, admins plain members")
	}
	return finding{moot: news == 0}
}

// present returns those who are members.
func (m *members) present(users []string) []string {
	var out []string
	for _, u := range users {
		if m.is(u) {
			out = append(out, u)
		}
	}
	return out
}

func (m *members) otherOwner(user string) bool {
	for u, s := range m.all {
		if u != user && s.left == 0 && s.role == store.RoleOwner {
			return true
		}
	}
	return false
}
