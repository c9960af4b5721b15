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

// scene is a small run that went well: u1 said three things in a group with u2, on whose tablet all of it was shown, and whose
// phone was away for the third and was pushed.
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
	r := &run{began: time.Now(), s: System{Tenant: "check"}, wishes: map[place][]wish{}}
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
		pushes: []sink.Shown{{At: time.Now().UTC().Format(time.RFC3339Nano), CollapseID: "x", Data: map[string]string{"conversation": "room", "seq": "4"}}},
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
		o := &op{device: author, life: 1, order: i, conv: c, want: protocol.EntryOf(e), outcome: acked, seq: e.GetSeq()}
		s.sent = append(s.sent, o)
		s.v.named[name{"room", "u1", e.GetClientMsgId()}] = o
	}
	r.ops = s.sent
	if err := s.phone.state.Save(t.Context(), "room", 3); err != nil {
		t.Fatal(err)
	}
	return s
}

// mute has u2 wish about the room: from and until are as long after now as they say.
func (s *scene) mute(from, until time.Duration) {
	now := time.Now()
	s.v.r.wishes[place{"room", "u2"}] = []wish{{asked: now.Add(from), acked: now.Add(from), until: now.Add(until)}}
}

// add appends an entry that was asked for, and shows it.
func (s *scene) add(e *logpb.Entry) *op {
	e.Seq, e.Count, e.AtMs = uint64(len(s.l.entries)+1), 3, time.Now().UnixMilli()
	s.l.entries = append(s.l.entries, e)
	s.l.stored = append(s.l.stored, store.Stored{Batch: &logpb.Batch{Id: []byte{byte(e.Seq)}, Entries: []*logpb.Entry{e}}})
	s.tablet.screens["room"] = append(s.tablet.screens["room"], shown{protocol.EntryOf(e), time.Now()})
	who := s.v.r.newDevice(e.GetSender(), e.GetDevice())
	for _, d := range s.v.r.devices {
		if d.name() == who.name() {
			who = d
		}
	}
	o := &op{
		device: who, life: 1, order: len(s.l.entries), conv: s.v.r.conversations[0],
		want: protocol.EntryOf(e), verdict: e.GetVerdict(), outcome: acked, seq: e.GetSeq(),
	}
	s.v.r.ops = append(s.v.r.ops, o)
	s.v.named[name{"room", e.GetSender(), e.GetClientMsgId()}] = o
	return o
}

func verdict(sender, action string, target uint64) *logpb.Entry {
	return &logpb.Entry{Sender: sender, ClientMsgId: "v", Kind: &logpb.Entry_Verdict{Verdict: &logpb.Verdict{Target: target, Action: action, Processor: sender}}}
}

func edited(body string) *logpb.Entry {
	return &logpb.Entry{Sender: "u1", Device: "d1", ClientMsgId: "e", Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 2, Body: body}}}
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
		"Edit":       {"an edit is where it was acknowledged", func(s *scene) { s.add(edited("uno")) }, ""},
		"EditLost":   {"an acknowledged edit says something else", func(s *scene) { s.add(edited("uno")).want.Body = "eins" }, "P1"},
		"EditShownOther": {"a device was shown another body than was said, which the log has lost", func(s *scene) {
			s.add(edited("uno"))
			s.l.entries[4].GetEdited().Redacted, s.l.entries[4].GetEdited().Body = true, ""
			(*screen(s))[4].Body = "eins"
		}, "P4"},
		"EditOvertaken": {"an edit came before what was said before it", func(s *scene) { s.add(edited("uno")).order = 0 }, "P2"},
		"Flagged":       {"processors judge", func(s *scene) { s.add(verdict("strict", "flag", 4)) }, ""},
		"VerdictLost":   {"an acknowledged verdict is another", func(s *scene) { s.add(verdict("strict", "flag", 4)).verdict = &logpb.Verdict{Target: 4} }, "P1"},
		"UserJudges":    {"nobody but processors does", func(s *scene) { s.add(verdict("u1", "hide", 4)) }, "P2"},
		"VerdictShownOther": {"a device was shown another verdict", func(s *scene) {
			s.add(verdict("strict", "flag", 4))
			(*screen(s))[4].Verdict = &protocol.Verdict{Action: "hide", Processor: "spam"}
		}, "P4"},
		"HiddenNotPushed": {"what was hidden is pushed to nobody", func(s *scene) { s.pushes = nil; s.add(verdict("strict", "hide", 4)) }, ""},
		"MutedNotPushed":  {"nobody is pushed about what they have muted", func(s *scene) { s.pushes = nil; s.mute(-time.Hour, time.Hour) }, ""},
		"MutedTooLate":    {"who mutes when it was said may still be pushed", func(s *scene) { s.mute(time.Second, time.Hour) }, ""},
		"MutedPushed":     {"who had muted was pushed", func(s *scene) { s.mute(-time.Hour, time.Hour) }, "P6"},
		"MuteEnded":       {"a mute that has ended counts no more", func(s *scene) { s.pushes = nil; s.mute(-time.Hour, -time.Minute) }, "P6"},
		"MaybeMuted": {"whether the mute was taken is not known", func(s *scene) {
			s.mute(-time.Hour, time.Hour)
			s.v.r.wishes[place{"room", "u2"}][0].acked = time.Time{}
		}, ""},
		"PushedAsleep":  {"a phone was pushed in its quiet hours", func(s *scene) { s.phone.night = night{time.Now().Add(-time.Hour), time.Now().Add(time.Hour)} }, "P6"},
		"PushedNextDay": {"a phone was pushed when they had ended", func(s *scene) { s.phone.night = night{time.Now().Add(-time.Hour), time.Now().Add(-time.Second)} }, ""},
		"NeverPushed": {"quiet hours end, and then it is pushed", func(s *scene) {
			s.pushes = nil
			s.phone.night = night{time.Now().Add(-time.Hour), time.Now().Add(time.Hour)}
		}, "P6"},
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

// TestWhatTheSystemAddsIsExpected tells the entries that nobody asked for and that must be there from those that must not.
func TestWhatTheSystemAddsIsExpected(t *testing.T) {
	removed := &logpb.Entry{Seq: 2, Sender: "u1", ClientMsgId: "l", Kind: &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{"u1"}}}}
	role := func(seq uint64, role string) *logpb.Entry {
		return &logpb.Entry{Seq: seq, Sender: "u1", Kind: &logpb.Entry_RoleChanged{RoleChanged: &logpb.RoleChanged{User: "u2", Role: role}}}
	}
	cases := map[string]struct {
		reason string
		entry  *logpb.Entry
		want   bool
	}{
		"First":       {"a conversation begins with its members", &logpb.Entry{Seq: 1, Kind: &logpb.Entry_MembersAdded{MembersAdded: &logpb.MembersAdded{}}}, true},
		"Heir":        {"where the last owner leaves, another becomes it", role(3, store.RoleOwner), true},
		"HeirFirst":   {"a bucket has room for one entry", role(4096, store.RoleOwner), true},
		"NoSuccessor": {"nobody has left", role(4, store.RoleOwner), false},
		"Admin":       {"an heir is an owner", role(3, store.RoleAdmin), false},
		"Message":     {"the system says nothing", &logpb.Entry{Seq: 4, Kind: &logpb.Entry_Message{Message: &logpb.Message{}}}, false},
	}
	for what, tc := range cases {
		t.Run(what, func(t *testing.T) {
			l := &log{entries: []*logpb.Entry{{Seq: 1}, removed, role(3, store.RoleOwner), {Seq: 4}}}
			if got := l.expected(tc.entry); got != tc.want {
				t.Errorf("%s: expected is %v", tc.reason, got)
			}
		})
	}
}

// TestWhoLeavesNamesTheirHeir: the owner who leaves is no member any more where the log says who is owner now.
func TestWhoLeavesNamesTheirHeir(t *testing.T) {
	added := &logpb.MembersAdded{Members: []*logpb.Member{{User: "u1", Role: store.RoleOwner}, {User: "u2", Role: store.RoleMember}}}
	heir := &logpb.Entry_RoleChanged{RoleChanged: &logpb.RoleChanged{User: "u2", Role: store.RoleOwner}}
	for _, tc := range []struct {
		reason string
		name   string // of the entry that gives u2 another role
		found  int
	}{
		{"the system's word for it", "", 0},
		{"one that was asked for, by who had left", "asked", 1},
	} {
		s := newScene(t)
		s.l.entries = []*logpb.Entry{
			{Seq: 1, Sender: "u1", Kind: &logpb.Entry_MembersAdded{MembersAdded: added}},
			{Seq: 2, Sender: "u1", ClientMsgId: "l", Kind: &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{"u1"}}}},
			{Seq: 3, Sender: "u1", ClientMsgId: tc.name, Kind: heir},
		}
		s.v.checkRights(s.l)
		if len(s.v.violations) != tc.found {
			t.Errorf("%s: found %v", tc.reason, s.v.violations)
		}
	}
}
