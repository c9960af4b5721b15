package check

import (
	"slices"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/push/sink"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// scene is a small run that went well: u1 said three things in a group with u2, on whose tablet all of it was shown, and whose phone
// was away for the third and was pushed.
type scene struct {
	v             *verification
	l             *log
	phone, tablet *device
	sent          []*op
	pushes        []sink.Shown
}

func message(seq, count uint64, id, body string) *logpb.Entry {
	return &logpb.Entry{
		Seq: seq, Count: count, Sender: "u1", Device: "d1", ClientMsgId: id, AtMs: time.Now().UnixMilli(),
		Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: body}},
	}
}

func newScene(t *testing.T) *scene {
	t.Helper()
	conv, err := store.NewConv("check", "room")
	if err != nil {
		t.Fatal(err)
	}
	r := &run{began: time.Now(), s: System{Tenant: "check"}}
	c := &conversation{id: "room", kind: store.Group, owner: "u1", members: map[string]bool{"u1": true, "u2": true}}
	r.conversations = []*conversation{c}
	author := r.newDevice("u1", "d1")
	s := &scene{
		phone: r.newDevice("u2", "phone"), tablet: r.newDevice("u2", "tablet"),
		l: &log{conv: conv, entries: []*logpb.Entry{
			{Seq: 1, Sender: "u1", Device: "d1", Kind: &logpb.Entry_MembersAdded{MembersAdded: &logpb.MembersAdded{Members: []*logpb.Member{
				{User: "u1", Role: store.RoleOwner}, {User: "u2", Role: store.RoleMember},
			}}}},
			message(2, 1, "a", "one"), message(3, 2, "b", "two"), message(4, 3, "c", "three"),
		}},
		pushes: []sink.Shown{{CollapseID: "x", Data: map[string]string{"conversation": "room", "seq": "4"}}},
	}
	s.phone.pushToken, s.phone.away = "token", true
	r.devices = []*device{author, s.phone, s.tablet}
	s.v = &verification{r: r, logs: map[string]*log{"room": s.l}, named: map[name]*op{}}
	for i, e := range s.l.entries {
		b := &logpb.Batch{Id: []byte{byte(i)}, Entries: []*logpb.Entry{e}}
		s.l.stored = append(s.l.stored, store.Stored{Batch: b})
		s.tablet.screens["room"] = append(s.tablet.screens["room"], shown{protocol.EntryOf(e), time.Now()})
		if e.GetMessage() == nil {
			continue
		}
		o := &op{
			device: author, life: 1, order: i, conv: c, kind: protocol.KindMessage, as: "d1", id: e.GetClientMsgId(),
			body: e.GetMessage().GetBody(), outcome: acked, seq: e.GetSeq(),
		}
		s.sent = append(s.sent, o)
		s.v.named[name{"room", "u1", o.id}] = o
	}
	r.ops = s.sent
	if err := s.phone.state.Save(t.Context(), "room", 3); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEachPromiseIsMissedWhenItIsBroken breaks what a run left behind in one way after the other.
func TestEachPromiseIsMissedWhenItIsBroken(t *testing.T) {
	screen := func(s *scene) *[]shown {
		x := s.tablet.screens["room"]
		return &x
	}
	cases := map[string]struct {
		reason string
		harm   func(*scene)
		want   string // the promise; empty: none
	}{
		"Whole":      {"nothing is wrong", func(*scene) {}, ""},
		"Unanswered": {"what had no answer may be there", func(s *scene) { s.sent[0].outcome, s.sent[0].seq = pending, 0 }, ""},
		"Lost": {"an acknowledged message is gone", func(s *scene) {
			s.l.entries[3] = &logpb.Entry{Seq: 4, Count: 2, Sender: "u1", Kind: &logpb.Entry_MembersAdded{MembersAdded: &logpb.MembersAdded{}}}
		}, "P1"},
		"AnotherBody": {"what was stored is not what was said", func(s *scene) { s.l.entries[1].GetMessage().Body = "uno" }, "P1"},
		"Gap":         {"a seq is missing", func(s *scene) { s.l.entries[2].Seq = 5 }, "P2"},
		"WrongCount":  {"unread would be wrong", func(s *scene) { s.l.entries[2].Count = 7 }, "P2"},
		"Nobodys":     {"an entry that nobody asked for", func(s *scene) { delete(s.v.named, name{"room", "u1", "b"}) }, "P2"},
		"Overtaken":   {"what was sent later came first", func(s *scene) { s.sent[0].order, s.sent[2].order = s.sent[2].order, s.sent[0].order }, "P2"},
		"Stranger":    {"who is no member says something", func(s *scene) { s.l.entries[3].Sender = "u3" }, "P2"},
		"Twice":       {"a message is in the log twice", func(s *scene) { s.l.entries[3].ClientMsgId = "b" }, "P3"},
		"Elsewhere":   {"the answer named another place", func(s *scene) { s.sent[1].seq = 4 }, "P3"},
		"Refused":     {"what was refused is there", func(s *scene) { s.sent[1].outcome = refused }, "P3"},
		"NeverShown":  {"a device misses the last entry", func(s *scene) { s.tablet.screens["room"] = (*screen(s))[:3] }, "P4"},
		"Hole":        {"a device misses one in between", func(s *scene) { s.tablet.screens["room"] = slices.Delete(*screen(s), 1, 2) }, "P4"},
		"ShownTwice":  {"a device was shown one twice", func(s *scene) { s.tablet.screens["room"] = append(*screen(s), (*screen(s))[3]) }, "P4"},
		"ShownOther":  {"a device was shown another body", func(s *scene) { (*screen(s))[2].Body = "2" }, "P4"},
		"NotTheirs": {"a user who had left was shown what came after", func(s *scene) {
			s.l.entries[2].Kind = &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{"u2"}}}
		}, "P4"},
		"NotPushed":  {"the phone that is away knows nothing of it", func(s *scene) { s.pushes = nil }, "P6"},
		"TooLow":     {"the push covers less", func(s *scene) { s.pushes[0].Data["seq"] = "3" }, "P6"},
		"ReadByUser": {"whoever has read it needs no push", func(s *scene) { s.pushes = nil; s.tablet.reads["room"] = readMark{seq: 4} }, ""},
	}
	for what, tc := range cases {
		t.Run(what, func(t *testing.T) {
			s := newScene(t)
			tc.harm(s)
			s.v.checkLogs()
			s.v.add(s.v.checkScreen(s.tablet, s.l)...)
			s.v.add(s.v.checkPhone(s.phone, s.l, s.pushes)...)
			found := map[string]bool{}
			for _, v := range s.v.violations {
				found[v.Promise] = true
			}
			switch {
			case tc.want == "" && len(found) > 0:
				t.Errorf("%s: found %v", tc.reason, s.v.violations)
			case tc.want != "" && !found[tc.want]:
				t.Errorf("%s: %s is not found violated, but %v", tc.reason, tc.want, s.v.violations)
			}
		})
	}
}
