package chat

import (
	"testing"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// erasing has a change asked for by an erasure.
func erasing(ch change) change {
	return func(s *chatpb.Send) { ch(s); s.Erasure = true }
}

func unreact(target uint64, emoji string) change {
	return func(s *chatpb.Send) {
		s.Change = &chatpb.Send_Reacted{Reacted: &logpb.Reacted{Target: target, Emoji: emoji, Removed: true}}
	}
}

// An erasure works for who has left, in a tenant that is suspended, on what has left the store, and adds nothing twice.
func TestAnErasureReachesWhatItsUserCannot(t *testing.T) {
	mem, d := memStore(t), &directory{}
	c := makeConv(t, mem, "c", "ann", "bob")
	fill(t, mem, c, 2, 40)
	st := &expired{Store: mem}
	st.below.Store(33)
	g := startPod(t, "chat-0", st, newKafka(), nil, nil, func(o *Options) { o.Tenants = d }).connect()
	if err := mem.RaiseTail(t.Context(), c, 33, 32); err != nil {
		t.Fatal(err)
	}
	const sender, other = "bob", "ann"
	g.mustDo(sender, "left", expel(sender))
	if r := g.do(sender, "own", remove(36)); r.GetCode() != string(protocol.CodeNotMember) {
		t.Fatalf("who has left deletes: %v", r)
	}
	d.set(func(r *store.TenantRecord) { r.State = store.TenantSuspended })

	hot := g.mustDo(sender, "x:36", erasing(remove(36)))
	cold := g.mustDo(sender, "x:5", erasing(remove(5)))
	reaction := g.mustDo(sender, "x:r", erasing(unreact(6, "👍")))
	for id, want := range map[string]*chatpb.Result{"x:36": hot, "x:5": cold, "x:r": reaction} {
		change := erasing(map[string]change{"x:36": remove(36), "x:5": remove(5), "x:r": unreact(6, "👍")}[id])
		if again := g.mustDo(sender, id, change); again.GetSeq() != want.GetSeq() || !again.GetFound() {
			t.Errorf("%s again: %v, want what the first one answered: %v", id, again, want)
		}
	}
	head := len(logOf(t, mem, c))
	for what, change := range map[string]change{"deleted already": remove(36), "left already": expel(sender)} {
		g.mustDo(sender, what, erasing(change))
		if n := len(logOf(t, mem, c)); n != head {
			t.Errorf("%s: the log grew", what)
		}
	}
	for _, tc := range []struct {
		reason, user string
		change       change
		want         protocol.Code
	}{
		{"another's message", other, remove(37), protocol.CodeForbidden},
		{"what is not there yet", sender, remove(9999), protocol.CodeNotFound},
		{"an erasure adds no reaction", sender, react(36, "👍"), protocol.CodeInvalid},
		{"nor does it edit", sender, edit(36, "y"), protocol.CodeInvalid},
		{"nor take another out", sender, expel(other), protocol.CodeInvalid},
	} {
		if r := g.do(tc.user, tc.reason, erasing(tc.change)); r.GetCode() != string(tc.want) {
			t.Errorf("%s: %v, want %s", tc.reason, r, tc.want)
		}
	}
}

// Who is erased leaves a direct conversation, too, which nobody else does; the last owner of a group has an heir.
func TestAnErasureLeaves(t *testing.T) {
	st := memStore(t)
	g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	g.conv = "direct"
	direct := makeGroup(t, g, store.Direct, "ann", "bob")
	if r := g.do("ann", "own", expel("ann")); r.GetCode() != string(protocol.CodeInvalid) {
		t.Errorf("leaving a direct conversation: %v", r)
	}
	g.mustDo("ann", "x:l", erasing(expel("ann")))
	if got := rolesOf(t, st, direct); len(got) != 1 || got["bob"] == "" {
		t.Errorf("members %v, want bob alone", got)
	}
	g.mustDo("bob", "m", func(s *chatpb.Send) { s.Body = "are you there?" })
	g.conv = "group"
	group := makeGroup(t, g, store.Group, "ann", "bob", "cho")
	g.mustDo("ann", "x:l", erasing(expel("ann")))
	if got := rolesOf(t, st, group); got["bob"] != store.RoleOwner || got["ann"] != "" {
		t.Errorf("members %v, want bob to own it", got)
	}
}
