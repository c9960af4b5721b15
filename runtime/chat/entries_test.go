package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// ask sends what in says, with tenant, ref and conversation c filled in, and waits for its result.
func (g *gateway) ask(in *chatpb.Send) *chatpb.Result {
	g.t.Helper()
	g.mu.Lock()
	g.ref++
	in.Ref, in.Tenant = g.ref, tenant
	if in.Conversation == "" {
		in.Conversation = g.conv
	}
	g.mu.Unlock()
	if err := g.stream.Send(&chatpb.GatewayFrame{Sends: []*chatpb.Send{in}}); err != nil {
		g.t.Fatal(err)
	}
	return g.result(in.GetRef())
}

// do asks for a change under the user's name for it, from no device.
func (g *gateway) do(user, id string, change func(*chatpb.Send)) *chatpb.Result {
	g.t.Helper()
	in := &chatpb.Send{User: user, ClientMsgId: id}
	change(in)
	return g.ask(in)
}

func (g *gateway) mustDo(user, id string, change func(*chatpb.Send)) *chatpb.Result {
	g.t.Helper()
	r := g.do(user, id, change)
	if r.GetCode() != "" {
		g.t.Fatalf("%s of %s: %s (%s)", id, user, r.GetCode(), r.GetDetail())
	}
	return r
}

type change = func(*chatpb.Send)

func edit(target uint64, body string) change {
	return func(s *chatpb.Send) {
		s.Change = &chatpb.Send_Edited{Edited: &logpb.Edited{Target: target, Body: body}}
	}
}

func remove(target uint64) change {
	return func(s *chatpb.Send) { s.Change = &chatpb.Send_Deleted{Deleted: &logpb.Deleted{Target: target}} }
}

func react(target uint64, emoji string) change {
	return func(s *chatpb.Send) {
		s.Change = &chatpb.Send_Reacted{Reacted: &logpb.Reacted{Target: target, Emoji: emoji}}
	}
}

func add(role string, users ...string) change {
	in := &logpb.MembersAdded{}
	for _, u := range users {
		in.Members = append(in.Members, &logpb.Member{User: u, Role: role})
	}
	return func(s *chatpb.Send) { s.Change = &chatpb.Send_MembersAdded{MembersAdded: in} }
}

func expel(users ...string) change {
	return func(s *chatpb.Send) {
		s.Change = &chatpb.Send_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: users}}
	}
}

func rename(title string) change {
	return func(s *chatpb.Send) { s.Change = &chatpb.Send_Renamed{Renamed: &logpb.Renamed{Title: title}} }
}

func appoint(user, role string) change {
	return func(s *chatpb.Send) {
		s.Change = &chatpb.Send_RoleChanged{RoleChanged: &logpb.RoleChanged{User: user, Role: role}}
	}
}

func judge(target uint64, action string) change {
	return func(s *chatpb.Send) {
		s.Change = &chatpb.Send_Verdict{Verdict: &logpb.Verdict{Target: target, Action: action, Processor: "spam"}}
	}
}

// makeGroup is a group with an owner, an admin and plain members, created the way that everything is.
func makeGroup(t *testing.T, g *gateway, kind string, users ...string) store.Conv {
	t.Helper()
	in := create(g.conv, kind, users[0], users...)
	if kind == store.Group && len(users) > 1 {
		in.Members[1].Role = store.RoleAdmin
	}
	if _, err := g.client.CreateConversation(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return convOf(t, g.conv)
}

// rolesOf returns who is a member with which role, as the store has it.
func rolesOf(t *testing.T, s store.Conversations, c store.Conv) map[string]string {
	t.Helper()
	list, err := s.Members(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range list {
		if m.Left == 0 {
			out[m.User.ID()] = m.Role
		}
	}
	return out
}

// kindsOf returns the kinds of entries, as clients see them.
func kindsOf(entries []*logpb.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, protocol.EntryOf(e).Kind)
	}
	return out
}

func TestChangesAreEntries(t *testing.T) {
	st, k := memStore(t), newKafka()
	g := startPod(t, "chat-0", st, k, nil, nil).connect()
	c := makeGroup(t, g, store.Group, "ann", "bob", "cho")
	m := g.mustSend(msg{conv: "c", user: "cho", id: "m"})
	for i, tc := range []struct {
		user   string
		change change
	}{
		{"cho", edit(2, "m, better")}, {"bob", react(2, "👍")}, {"scanner", judge(2, protocol.ActionFlag)}, {"bob", add("", "dan")},
		{"ann", appoint("dan", store.RoleAdmin)}, {"dan", rename("Tea")}, {"bob", remove(2)}, {"dan", expel("dan")}, {"ann", expel("cho")},
	} {
		id := fmt.Sprint("change-", i)
		r := g.mustDo(tc.user, id, tc.change)
		if want := m.GetSeq() + uint64(i) + 1; r.GetSeq() != want || r.GetCount() != 1 || r.GetAtMs() == 0 {
			t.Errorf("%s: got %v, want seq %d and count 1: changes are not countable", id, r, want)
		}
		if again := g.mustDo(tc.user, id, tc.change); again.GetSeq() != r.GetSeq() || again.GetAtMs() != r.GetAtMs() {
			t.Errorf("%s again: got %v, want %v", id, again, r)
		}
	}
	last := g.mustSend(msg{conv: "c", user: "bob", id: "last"})
	if last.GetCount() != 2 {
		t.Errorf("count after the changes: got %d, want 2", last.GetCount())
	}
	entries := logOf(t, st, c)
	want := []string{
		"members_added", "message", "edited", "reacted", "verdict", "members_added", "role_changed", "renamed", "deleted", "members_removed",
		"members_removed", "message",
	}
	if diff := cmp.Diff(want, kindsOf(entries)); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if e := entries[2]; e.GetSender() != "cho" || e.GetEdited().GetTarget() != 2 || e.GetEdited().GetBody() != "m, better" {
		t.Errorf("the edit: got %v", e)
	}
	if e := entries[4]; e.GetSender() != "scanner" || e.GetVerdict().GetProcessor() != "spam" {
		t.Errorf("the verdict: got %v", e)
	}
	if diff := cmp.Diff(map[string]string{"ann": store.RoleOwner, "bob": store.RoleAdmin}, rolesOf(t, st, c)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	conv, err := st.Conversation(t.Context(), c)
	if err != nil || conv.Title != "Tea" {
		t.Errorf("title: got %q, %v", conv.Title, err)
	}
	g.wait("deliveries", func() bool { return len(g.entries["c"]) >= len(entries) })
	k.wait(t, c, 2)
}

func TestWhoMayDoWhat(t *testing.T) {
	const ok = protocol.Code("")
	// 1 brings own(er), adm(in), mem(ber); 2 is mem's message, 3 own's; 4 brings late; 5 is late's; 6 deletes 3.
	cases := map[string]struct {
		reason string
		user   string
		change change
		want   protocol.Code
	}{
		"EditOwn":             {"Authors edit.", "mem", edit(2, "x"), ok},
		"EditAnothers":        {"Nobody edits for another, an owner neither.", "own", edit(2, "x"), protocol.CodeForbidden},
		"EditNothing":         {"There is no such message.", "mem", edit(99, "x"), protocol.CodeNotFound},
		"EditDeleted":         {"It is gone.", "own", edit(3, "x"), protocol.CodeNotFound},
		"EditNoMessage":       {"Only messages have a body.", "own", edit(1, "x"), protocol.CodeInvalid},
		"EditEmpty":           {"A body's rules hold for edits.", "mem", edit(2, ""), protocol.CodeInvalid},
		"EditLarge":           {"A body's rules hold for edits.", "mem", edit(2, strings.Repeat("x", protocol.MaxBodyBytes+1)), protocol.CodeTooLarge},
		"EditUnseen":          {"What came before the user did looks like nothing.", "late", edit(2, "x"), protocol.CodeNotFound},
		"EditByStranger":      {"Strangers learn nothing.", "eve", edit(2, "x"), protocol.CodeNotMember},
		"DeleteOwn":           {"Authors delete.", "late", remove(5), ok},
		"DeleteAnothers":      {"Members delete their own.", "mem", remove(5), protocol.CodeForbidden},
		"DeleteByAdmin":       {"Admins delete any.", "adm", remove(5), ok},
		"DeleteByOwner":       {"Owners delete any.", "own", remove(5), ok},
		"DeleteAgain":         {"It is so already.", "own", remove(3), ok},
		"DeleteNoMessage":     {"What members did stays.", "own", remove(4), protocol.CodeInvalid},
		"React":               {"Any member reacts.", "mem", react(5, "👍🏽"), ok},
		"ReactWithKeycap":     {"A keycap is an emoji.", "mem", react(5, "1️⃣"), ok},
		"ReactToDeleted":      {"It is gone.", "mem", react(3, "👍"), protocol.CodeNotFound},
		"ReactToUnseen":       {"A late member sees from their joining on.", "late", react(2, "👍"), protocol.CodeNotFound},
		"ReactToMembership":   {"Only messages take reactions.", "mem", react(4, "👍"), protocol.CodeInvalid},
		"ReactWithWords":      {"A reaction is one emoji.", "mem", react(5, "well done"), protocol.CodeInvalid},
		"ReactWithNothing":    {"A reaction is one emoji.", "mem", react(5, ""), protocol.CodeInvalid},
		"ReactAtLength":       {"Emoji are bounded.", "mem", react(5, strings.Repeat("👍", 17)), protocol.CodeInvalid},
		"ReactNowhere":        {"A target is needed.", "mem", react(0, "👍"), protocol.CodeInvalid},
		"AddByMember":         {"Members add nobody.", "mem", add("", "new"), protocol.CodeForbidden},
		"AddByAdmin":          {"Admins add plain members.", "adm", add("", "new"), ok},
		"AddAdminByAdmin":     {"Admins make no admins.", "adm", add(store.RoleAdmin, "new"), protocol.CodeForbidden},
		"AddOwnerByOwner":     {"Owners add anyone.", "own", add(store.RoleOwner, "new"), ok},
		"AddMember":           {"They are members already.", "adm", add("", "mem"), ok},
		"AddMemberByMember":   {"Members add nobody, not even in vain.", "mem", add("", "adm"), protocol.CodeForbidden},
		"AddTwice":            {"Each is named once.", "own", add("", "new", "new"), protocol.CodeInvalid},
		"AddNobody":           {"Somebody is named.", "own", add(""), protocol.CodeInvalid},
		"AddBadID":            {"Ids are checked.", "own", add("", "a\x00b"), protocol.CodeInvalid},
		"AddBadRole":          {"Roles are known.", "own", add("king", "new"), protocol.CodeInvalid},
		"AddTooMany":          {"A transaction is bounded.", "own", add("", names(store.MaxMemberChange+1)...), protocol.CodeInvalid},
		"RemoveByMember":      {"Members remove nobody else.", "mem", expel("late"), protocol.CodeForbidden},
		"RemoveByAdmin":       {"Admins remove plain members.", "adm", expel("mem", "late"), ok},
		"RemoveOwnerByAdmin":  {"Admins do not touch owners.", "adm", expel("own"), protocol.CodeForbidden},
		"RemoveAdminByOwner":  {"Owners remove anyone.", "own", expel("adm"), ok},
		"RemoveStranger":      {"They are gone already.", "adm", expel("eve"), ok},
		"Leave":               {"Anyone leaves.", "late", expel("late"), ok},
		"LeaveWithAnother":    {"Leaving takes nobody along.", "mem", expel("mem", "late"), protocol.CodeForbidden},
		"RenameByMember":      {"Members do not rename.", "mem", rename("x"), protocol.CodeForbidden},
		"RenameByAdmin":       {"Admins rename.", "adm", rename("x"), ok},
		"RenameAtLength":      {"Titles are bounded.", "own", rename(strings.Repeat("x", protocol.MaxTitleBytes+1)), protocol.CodeInvalid},
		"RenameToNothing":     {"A title says something.", "own", rename(""), protocol.CodeInvalid},
		"PromoteByOwner":      {"Owners change roles.", "own", appoint("mem", store.RoleOwner), ok},
		"PromoteByAdmin":      {"Admins do not.", "adm", appoint("mem", store.RoleAdmin), protocol.CodeForbidden},
		"PromoteStranger":     {"Roles are members'.", "own", appoint("eve", store.RoleAdmin), protocol.CodeNotFound},
		"PromoteToKing":       {"Roles are known.", "own", appoint("mem", "king"), protocol.CodeInvalid},
		"PromoteAgain":        {"It is so already.", "own", appoint("adm", store.RoleAdmin), ok},
		"DemoteTheLastOwner":  {"A group keeps an owner.", "own", appoint("own", store.RoleMember), protocol.CodeForbidden},
		"Verdict":             {"Processors need not be members.", "scanner", judge(2, protocol.ActionHide), ok},
		"VerdictOnNothing":    {"There is no such message.", "scanner", judge(99, protocol.ActionHide), protocol.CodeNotFound},
		"VerdictOnMembership": {"Verdicts are of messages.", "scanner", judge(1, protocol.ActionHide), protocol.CodeInvalid},
		"VerdictUnknown":      {"Actions are known.", "scanner", judge(2, "burn"), protocol.CodeInvalid},
		"VerdictWithoutSpans": {"A mask masks something.", "scanner", judge(2, protocol.ActionMask), protocol.CodeInvalid},
		"NoID": {"Without a client_msg_id a retry would double.", "mem", func(s *chatpb.Send) {
			edit(2, "x")(s)
			s.ClientMsgId = ""
		}, protocol.CodeInvalid},
		"TwoBodies": {"A change has its own.", "mem", func(s *chatpb.Send) {
			edit(2, "x")(s)
			s.Body = "y"
		}, protocol.CodeInvalid},
	}
	st := memStore(t)
	g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			g.conv = name
			c := makeGroup(t, g, store.Group, "own", "adm", "mem")
			g.mustSend(msg{conv: name, user: "mem", id: "2"})
			g.mustSend(msg{conv: name, user: "own", id: "3"})
			g.mustDo("adm", "4", add("", "late"))
			g.mustSend(msg{conv: name, user: "late", id: "5"})
			g.mustDo("own", "6", remove(3))
			r := g.do(tc.user, "the change", tc.change)
			if r.GetCode() != string(tc.want) {
				t.Errorf("%s\ngot %q (%s), want %q", tc.reason, r.GetCode(), r.GetDetail(), tc.want)
			}
			if entries := logOf(t, st, c); tc.want != ok && len(entries) != 6 {
				t.Errorf("%s\na refused change is in the log: %v", tc.reason, entries[6:])
			}
		})
	}
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("user-", i)
	}
	return out
}

func TestADirectConversationKeepsItsMembers(t *testing.T) {
	g := startPod(t, "chat-0", memStore(t), newKafka(), nil, nil).connect()
	makeGroup(t, g, store.Direct, "ann", "bob")
	g.mustSend(msg{conv: "c", user: "ann", id: "m"})
	for name, ch := range map[string]change{
		"add": add("", "cho"), "remove": expel("bob"), "leave": expel("ann"), "rename": rename("x"), "role": appoint("bob", store.RoleOwner),
	} {
		if r := g.do("ann", name, ch); r.GetCode() != string(protocol.CodeInvalid) {
			t.Errorf("%s: got %v, want %s", name, r, protocol.CodeInvalid)
		}
	}
	if r := g.do("bob", "delete", remove(2)); r.GetCode() != string(protocol.CodeForbidden) {
		t.Errorf("the other's message: got %v, want %s", r, protocol.CodeForbidden)
	}
}

// Whoever goes, a group keeps an owner: who inherits is known from the log, and a crash at any point leaves one.
func TestTheLastOwnerHasAnHeir(t *testing.T) {
	cases := map[string]struct {
		reason  string
		prepare []change // of ann, the owner
		leave   change
		want    map[string]string
	}{
		"AnAdmin": {
			"The longest-standing admin comes before members who were there earlier.",
			[]change{add(store.RoleAdmin, "eli"), add(store.RoleAdmin, "dan"), appoint("bob", store.RoleMember)}, expel("ann"),
			map[string]string{"bob": "member", "cho": "member", "eli": "owner", "dan": "admin"},
		},
		"AMember": {
			"Without an admin the longest-standing member, the lower id among those who came together.",
			[]change{appoint("bob", store.RoleMember), add("", "abe")}, expel("ann"),
			map[string]string{"abe": "member", "bob": "owner", "cho": "member"},
		},
		"AnotherOwner": {
			"Another owner is enough.", []change{appoint("cho", store.RoleOwner)}, expel("ann"),
			map[string]string{"bob": "admin", "cho": "owner"},
		},
		"WithOthers": {
			"An owner who goes with others leaves to who stays.", nil, expel("bob", "ann"),
			map[string]string{"cho": "owner"},
		},
		"Everybody": {"Where nobody stays nobody inherits.", nil, expel("bob", "ann", "cho"), map[string]string{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			st := memStore(t)
			one := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
			two := startPod(t, "chat-1", st, newKafka(), nil, nil).connect()
			c := makeGroup(t, one, store.Group, "ann", "bob", "cho")
			two.mustSend(msg{conv: "c", user: "bob", id: "m"}) // its lane knows the old owner
			for i, ch := range tc.prepare {
				one.mustDo("ann", fmt.Sprint(i), ch)
			}
			r := one.mustDo("ann", "go", tc.leave)
			if diff := cmp.Diff(tc.want, rolesOf(t, st, c)); diff != "" {
				t.Errorf("%s\nmembers (-want +got):\n%s", tc.reason, diff)
			}
			if again := one.mustDo("ann", "go", tc.leave); again.GetSeq() != r.GetSeq() {
				t.Errorf("the retry of who has left: got %v, want seq %d", again, r.GetSeq())
			}
			if got := logOf(t, st, c)[r.GetSeq()-1].GetMembersRemoved(); got == nil {
				t.Errorf("seq %d is no removal", r.GetSeq())
			}
			for user, role := range tc.want {
				want := protocol.CodeForbidden
				if role == store.RoleOwner {
					want = ""
				}
				if r := two.do(user, "try", appoint(user, store.RoleOwner)); r.GetCode() != string(want) {
					t.Errorf("%s, %s, as the other pod sees it: got %v, want %q", user, role, r, want)
				}
			}
		})
	}
}

// At the end of a bucket a batch has room for one entry: the heir comes first, alone.
func TestTheLastOwnerLeavesAtTheEndOfABucket(t *testing.T) {
	st := memStore(t)
	g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	c := makeGroup(t, g, store.Group, "ann", "bob")
	fill(t, st, c, 2, store.BucketSeqs-1)
	r := g.mustDo("ann", "go", expel("ann"))
	if r.GetSeq() != store.BucketSeqs+1 {
		t.Errorf("got seq %d, want %d", r.GetSeq(), store.BucketSeqs+1)
	}
	entries := logOf(t, st, c)
	if diff := cmp.Diff([]string{"role_changed", "members_removed"}, kindsOf(entries[store.BucketSeqs-1:])); diff != "" {
		t.Errorf("the last entries (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"bob": store.RoleOwner}, rolesOf(t, st, c)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// A lane that another pod has overtaken refuses nothing on what it knew before.
func TestRefusalsAreNotGivenOnOldKnowledge(t *testing.T) {
	st := memStore(t)
	one := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	two := startPod(t, "chat-1", st, newKafka(), nil, nil).connect()
	c := makeGroup(t, one, store.Group, "ann", "bob", "cho")
	two.mustSend(msg{conv: "c", user: "cho", id: "open"})
	one.mustDo("ann", "promote", appoint("cho", store.RoleOwner))
	two.mustDo("cho", "rename", rename("Mine")) // cho was a plain member when two's lane opened
	m := one.mustSend(msg{conv: "c", user: "ann", id: "m"})
	two.mustDo("bob", "react", react(m.GetSeq(), "👍"))
	one.mustDo("ann", "out", expel("bob"))
	two.mustDo("cho", "in", add("", "bob")) // two's lane still has bob in: it must not say that nothing is left to do
	if _, is := rolesOf(t, st, c)["bob"]; !is {
		t.Error("bob was added again and is no member")
	}
	one.mustDo("ann", "demote", appoint("cho", store.RoleMember))
	if r := two.do("cho", "rename again", rename("Mine again")); r.GetCode() != string(protocol.CodeForbidden) {
		t.Errorf("cho, demoted by another pod: got %v, want %s", r, protocol.CodeForbidden)
	}
	logOf(t, st, c)
}

func TestWhoComesBackSeesTheEarlierStay(t *testing.T) {
	st := memStore(t)
	g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	c := makeGroup(t, g, store.Group, "ann", "bob", "cho")
	seen := g.mustSend(msg{conv: "c", user: "ann", id: "seen"})
	g.mustDo("ann", "out", expel("cho"))
	unseen := g.mustSend(msg{conv: "c", user: "ann", id: "unseen"})
	back := g.mustDo("ann", "in", add("", "cho"))
	g.mustDo("cho", "r1", react(seen.GetSeq(), "👍"))
	if r := g.do("cho", "r2", react(unseen.GetSeq(), "👍")); r.GetCode() != string(protocol.CodeNotFound) {
		t.Errorf("what came between the stays: got %v, want %s", r, protocol.CodeNotFound)
	}
	ms, err := st.Membership(t.Context(), userOf(t, "cho"), c)
	if err != nil {
		t.Fatal(err)
	}
	var may []uint64
	for s := uint64(1); s <= back.GetSeq(); s++ {
		if ms.May(s) {
			may = append(may, s)
		}
	}
	if diff := cmp.Diff([]uint64{1, 2, 3, back.GetSeq()}, may); diff != "" {
		t.Errorf("what cho may see (-want +got):\n%s", diff)
	}
}

// A change of a message that was deleted in the same batch is refused, and one that it depends on is not lost with it.
func TestChangesInOneBurstSeeEachOther(t *testing.T) {
	mem := memStore(t)
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	var closed atomic.Bool
	st := &faulty{Store: mem, append: func(_ context.Context, _ *logpb.Batch, put func() error) error {
		if closed.Load() {
			entered <- struct{}{}
			<-gate
		}
		return put()
	}}
	g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	c := makeGroup(t, g, store.Group, "ann", "bob")
	g.mustSend(msg{conv: "c", user: "ann", id: "m"})
	closed.Store(true)
	g.post(msg{conv: "c", user: "bob", id: "holds the lane"})
	<-entered
	var sends []*chatpb.Send
	for i, ch := range []change{edit(2, "x"), remove(2), edit(2, "y"), remove(2), react(2, "👍"), rename("New")} {
		s := &chatpb.Send{Ref: 100 + uint64(i), Tenant: tenant, Conversation: "c", User: "ann", Device: "phone", ClientMsgId: fmt.Sprint("s", i)}
		ch(s)
		sends = append(sends, s)
	}
	if err := g.stream.Send(&chatpb.GatewayFrame{Sends: sends}); err != nil {
		t.Fatal(err)
	}
	closed.Store(false)
	close(gate)
	var got []string
	for i := range sends {
		got = append(got, g.result(100+uint64(i)).GetCode())
	}
	if diff := cmp.Diff([]string{"", "", "not_found", "", "not_found", ""}, got); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	want := []string{"members_added", "message", "message", "edited", "deleted", "renamed"}
	if diff := cmp.Diff(want, kindsOf(logOf(t, mem, c))); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestTooOldAndTooManyReactions(t *testing.T) {
	st := memStore(t)
	c := makeConv(t, st, "c", "ann", "bob")
	old := &logpb.Batch{Id: []byte("old"), Entries: []*logpb.Entry{
		{Seq: 2, Sender: "ann", Count: 1, AtMs: time.Now().Add(-25 * time.Hour).UnixMilli(), Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: "x"}}},
	}}
	full := &logpb.Batch{Id: []byte("full"), Entries: []*logpb.Entry{
		{Seq: 3, Sender: "ann", Count: 2, AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: "x"}}},
		{Seq: 4, Sender: "ann", Count: 3, AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_Message{Message: &logpb.Message{Deleted: true}}},
	}}
	for range protocol.MaxReactions {
		m := full.GetEntries()[0].GetMessage()
		m.Reactions = append(m.Reactions, &logpb.Reaction{User: "bob", Emoji: "👍"})
	}
	for _, b := range []*logpb.Batch{old, full} {
		if err := st.Append(t.Context(), c, b, store.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	for i, tc := range []struct {
		reason string
		change change
		want   protocol.Code
	}{
		{"beyond the hot retention", edit(2, "y"), protocol.CodeTooOld},
		{"beyond the hot retention", remove(2), protocol.CodeTooOld},
		{"beyond the hot retention", react(2, "👍"), protocol.CodeTooOld},
		{"beyond the hot retention", judge(2, protocol.ActionHide), protocol.CodeTooOld},
		{"as many reactions as there may be", react(3, "👍"), protocol.CodeInvalid},
		{"the stored message says that it was deleted", edit(4, "y"), protocol.CodeNotFound},
	} {
		if r := g.do("ann", fmt.Sprint(i), tc.change); r.GetCode() != string(tc.want) {
			t.Errorf("%s: got %v, want %s", tc.reason, r, tc.want)
		}
	}
	g.mustDo("bob", "back", func(s *chatpb.Send) {
		s.Change = &chatpb.Send_Reacted{Reacted: &logpb.Reacted{Target: 3, Emoji: "👍", Removed: true}}
	})
}

// What has left the store is too old, not unknown.
func TestAnExpiredTargetIsTooOld(t *testing.T) {
	mem := memStore(t)
	c := makeConv(t, mem, "c", "ann", "bob")
	fill(t, mem, c, 2, 40)
	st := &expired{Store: mem}
	st.below.Store(33)
	g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	if err := mem.RaiseTail(t.Context(), c, 33, 32); err != nil {
		t.Fatal(err)
	}
	if r := g.do("bob", "1", edit(5, "y")); r.GetCode() != string(protocol.CodeTooOld) {
		t.Errorf("got %v, want %s", r, protocol.CodeTooOld)
	}
	g.mustDo("bob", "2", edit(36, "y"))
}

// expired is a store whose batches up to a seq have expired, for readers and for writers.
type expired struct {
	Store
	below atomic.Uint64
	twice func(first uint64) // called when an expired key is put again
}

func (s *expired) Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error) {
	page, err := s.Store.Read(ctx, c, from, limit)
	return slices.DeleteFunc(page, func(st store.Stored) bool { return store.Last(st.Batch) <= s.below.Load() }), err
}

func (s *expired) Append(ctx context.Context, c store.Conv, b *logpb.Batch, o store.AppendOptions) error {
	if first := store.First(b); first <= s.below.Load() {
		s.twice(first)
		return nil
	}
	return s.Store.Append(ctx, c, b, o)
}

// Without a device, as on REST, no order is kept: a refusal holds nothing else up, and everything else is as ever.
func TestSendsWithoutADevice(t *testing.T) {
	mem := memStore(t)
	c := makeConv(t, mem, "c", "ann", "bob")
	var fail atomic.Bool
	st := &faulty{Store: mem, append: func(_ context.Context, _ *logpb.Batch, put func() error) error {
		if fail.Load() {
			return errBoom
		}
		return put()
	}}
	g := startPod(t, "chat-0", st, newKafka(), nil, func(tn *Tunables) { tn.SendTimeout = 200 * time.Millisecond }).connect()
	body := func(s *chatpb.Send) { s.Body = "x" }
	g.mustDo("ann", "1", body)
	fail.Store(true)
	if r := g.do("ann", "2", body); r.GetCode() != string(protocol.CodeUnavailable) {
		t.Fatalf("got %v, want %s", r, protocol.CodeUnavailable)
	}
	fail.Store(false)
	third := g.mustDo("ann", "3", body)
	if again := g.mustDo("ann", "3", body); again.GetSeq() != third.GetSeq() {
		t.Errorf("a retry: got %v, want %v", again, third)
	}
	g.mustDo("ann", "2", body)
	if got := len(bodies(logOf(t, mem, c))); got != 3 {
		t.Errorf("the log has %d messages, want 3", got)
	}
}

// A group of any size is changed 40 at a time, up to its bound.
func TestGroupsAreBounded(t *testing.T) {
	st := memStore(t)
	g := startPod(t, "chat-0", st, newKafka(), nil, func(tn *Tunables) { tn.SendTimeout = time.Minute }).connect()
	in := create("c", store.Group, "ann", append([]string{"ann"}, names(protocol.MaxGroupMembers-3)...)...)
	if _, err := g.client.CreateConversation(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if r := g.do("ann", "1", add("", "x", "y", "z")); r.GetCode() != string(protocol.CodeInvalid) {
		t.Errorf("one too many: got %v, want %s", r, protocol.CodeInvalid)
	}
	g.mustDo("ann", "2", add("", "x", "y"))
	g.mustDo("ann", "3", expel(names(store.MaxMemberChange)...))
	g.mustDo("ann", "4", add("", names(store.MaxMemberChange)...))
	if got := len(rolesOf(t, st, convOf(t, "c"))); got != protocol.MaxGroupMembers {
		t.Errorf("the group has %d members, want %d", got, protocol.MaxGroupMembers)
	}
}

// A user may have the id of a processor: that takes none of the names by which the processor says its verdicts.
func TestAUserTakesNoNameOfAProcessor(t *testing.T) {
	mem := memStore(t)
	c := makeConv(t, mem, "c", "spam", "bob")
	g := startPod(t, "chat-0", mem, newKafka(), nil, nil).connect()
	message := g.mustDo("spam", "v.2.0", func(s *chatpb.Send) { s.Body = "x" })
	verdict := g.mustDo("spam", "v.2.0", judge(message.GetSeq(), protocol.ActionHide))
	if verdict.GetFound() || verdict.GetSeq() != message.GetSeq()+1 {
		t.Errorf("got %v: the verdict is not in the log", verdict)
	}
	if again := g.mustDo("spam", "v.2.0", judge(message.GetSeq(), protocol.ActionHide)); !again.GetFound() || again.GetSeq() != verdict.GetSeq() {
		t.Errorf("said again: got %v, want %v", again, verdict)
	}
	if n := len(logOf(t, mem, c)); n != 3 {
		t.Errorf("the log has %d entries, want 3", n)
	}
}
