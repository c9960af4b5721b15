package chat

import (
	"context"
	"errors"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// checkErasure takes only what removes something of the user's own.
func checkErasure(in *chatpb.Send) (protocol.Code, error) {
	switch k := in.GetChange().(type) {
	case *chatpb.Send_Deleted:
		return "", nil
	case *chatpb.Send_Reacted:
		if k.Reacted.GetRemoved() {
			return "", nil
		}
	case *chatpb.Send_MembersRemoved:
		if users := k.MembersRemoved.GetUsers(); len(users) == 1 && users[0] == in.GetUser() {
			return "", nil
		}
	}
	return protocol.CodeInvalid, errors.New("an erasure removes messages, reactions and the membership of its user, and nothing else")
}

// permitErasure decides about a request of an erasure, which checkErasure has let through. Direct conversations are left, too: nobody is
// there any more.
func (l *lane) permitErasure(ctx context.Context, r *request, c *composed) finding {
	switch k := r.in.GetChange().(type) {
	case *chatpb.Send_Deleted:
		seq := k.Deleted.GetTarget()
		t, f := l.erasable(ctx, seq)
		if f.due() && t.message && t.sender != r.user.ID() {
			return denied(protocol.CodeForbidden, "an erasure deletes its user's messages alone")
		}
		if f.due() && (t.deleted || l.targets.gone.has(seq) || c.deletes(seq)) {
			return finding{moot: true}
		}
		return f
	case *chatpb.Send_Reacted:
		seq := k.Reacted.GetTarget()
		t, f := l.erasable(ctx, seq)
		if f.due() && (t.deleted || l.targets.gone.has(seq) || c.deletes(seq)) {
			return finding{moot: true} // its reactions are gone with it
		}
		return f
	default: // leaving
		return finding{moot: !l.members.is(r.user.ID())}
	}
}

// erasable is target, but for messages that have left the hot retention: the caller has them from the read model.
func (l *lane) erasable(ctx context.Context, seq uint64) (target, finding) {
	t, f := l.target(ctx, seq)
	if f.code == protocol.CodeTooOld {
		f = finding{}
	}
	return t, f
}
