package chat

import (
	"context"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// content is what an entry says, as far as a retry of it must say the same. It is derived from the entry, so that it is as durable
// as that: nothing is kept of a body that is gone.
type content struct {
	// what the entry does, and to what.
	what uint32
	// words are a hash of its body, 0 where it has none or the log has not kept it.
	words uint32
}

// whatMessage is what of a message: most entries are one, and need no hash for it.
const whatMessage = 2 // no sum is even

// contentOf returns the content of an entry, or of one that is asked for.
func contentOf(e *logpb.Entry) content {
	switch k := e.GetKind().(type) {
	case *logpb.Entry_Message:
		c := content{what: whatMessage}
		if k.Message.GetRevision() == 0 && !k.Message.GetElided() {
			c.words = sum(k.Message.GetBody())
		}
		return c
	case *logpb.Entry_Edited:
		c := content{what: sum(protocol.KindEdited, seqText(k.Edited.GetTarget()))}
		if !k.Edited.GetRedacted() {
			c.words = sum(k.Edited.GetBody())
		}
		return c
	case *logpb.Entry_Deleted:
		return content{what: sum(protocol.KindDeleted, seqText(k.Deleted.GetTarget()))}
	case *logpb.Entry_Reacted:
		r := k.Reacted
		return content{what: sum(protocol.KindReacted, seqText(r.GetTarget()), r.GetEmoji(), strconv.FormatBool(r.GetRemoved()))}
	case *logpb.Entry_Renamed:
		return content{what: sum(protocol.KindRenamed, k.Renamed.GetTitle())}
	case *logpb.Entry_RoleChanged:
		return content{what: sum(protocol.KindRoleChanged, k.RoleChanged.GetUser(), k.RoleChanged.GetRole())}
	case *logpb.Entry_MembersAdded:
		return content{what: sum(protocol.KindMembersAdded)}
	case *logpb.Entry_MembersRemoved:
		return content{what: sum(protocol.KindMembersRemoved)}
	default:
		return content{}
	}
}

func seqText(seq uint64) string { return strconv.FormatUint(seq, 10) }

// sum is odd, so never 0.
func sum(parts ...string) uint32 {
	var h xxhash.Digest
	h.Reset()
	for _, p := range parts {
		_, _ = h.WriteString(p)
		_, _ = h.WriteString("\x00") // where a part ends; a hash never fails
	}
	return uint32(h.Sum64()) | 1
}

// same says whether a retry that asks for other may be one of what has this content.
func (c content) same(other content) bool {
	return c.what == other.what && (c.words == other.words || c.words == 0 || other.words == 0)
}

// again decides about a request whose name an entry of the log has: it is a retry, unless it asks for something else.
func (l *lane) again(r *request, p place) finding {
	if r.trusted() { // processors and erasures name what they ask for by what it is about
		return finding{found: true, place: p}
	}
	asked := r.entry()
	if !p.content.same(contentOf(asked)) {
		return reused()
	}
	if asked.GetMembersAdded() != nil || asked.GetMembersRemoved() != nil {
		// The entry names those whom the request concerned, and a window holds no lists.
		ctx, cancel := context.WithDeadline(l.s.life, r.deadline)
		defer cancel()
		page, err := l.s.o.Store.Read(ctx, l.conv, p.seq, 1)
		if err != nil {
			return unreadable()
		}
		if len(page) > 0 && !namesAll(asked, fold.Entry(page[0].Batch, p.seq)) {
			return reused()
		}
	}
	return finding{found: true, place: p}
}

func reused() finding {
	return denied(protocol.CodeKeyReused, "the client_msg_id was used for something else in this conversation")
}

// namesAll says whether the asked entry names all the members that the other does, if there is one.
func namesAll(asked, e *logpb.Entry) bool {
	for _, u := range e.GetMembersRemoved().GetUsers() {
		if !slices.Contains(asked.GetMembersRemoved().GetUsers(), u) {
			return false
		}
	}
	for _, m := range e.GetMembersAdded().GetMembers() {
		if !slices.ContainsFunc(asked.GetMembersAdded().GetMembers(), func(a *logpb.Member) bool {
			return a.GetUser() == m.GetUser() && roleOf(a.GetRole()) == roleOf(m.GetRole())
		}) {
			return false
		}
	}
	return true
}
