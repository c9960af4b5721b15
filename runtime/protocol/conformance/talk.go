package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func message(conversation, id string) protocol.ClientFrame {
	return protocol.ClientFrame{Type: protocol.TypeSend, Conversation: conversation, ClientMsgID: id, Body: "body of " + id}
}

func sending(w *world) {
	room := w.group("alice", "bob")
	alice, bob := w.hello("alice", "phone"), w.hello("bob", "phone")
	after := uint64(1)
	f := message(room, "m1")
	f.AfterSeq = &after
	alice.say(f)
	ack := alice.expect(protocol.TypeAck)
	if ack.Conversation != room || ack.ClientMsgID != "m1" || ack.Seq != 2 || ack.AtMS == 0 {
		w.Errorf("ack: %+v, want m1 at 2", ack)
	}
	e := bob.entries(room, 0, 2)[1]
	want := protocol.Entry{
		Seq: 2, Sender: w.user("alice"), Device: "phone", ClientMsgID: "m1", AtMS: ack.AtMS, Count: 1, Kind: protocol.KindMessage, Body: "body of m1",
	}
	if diff := cmp.Diff(want, e); diff != "" {
		w.Errorf("what bob got, -want +got:\n%s", diff)
	}
	// A retry, from another device too, is the same message.
	alice.say(f)
	if again := alice.expect(protocol.TypeAck); again.Seq != ack.Seq {
		w.Errorf("a retry got seq %d, want %d", again.Seq, ack.Seq)
	}
	tablet := w.hello("alice", "tablet")
	tablet.say(f)
	if again := tablet.expect(protocol.TypeAck); again.Seq != ack.Seq {
		w.Errorf("a retry from another device got seq %d, want %d", again.Seq, ack.Seq)
	}
	cases := map[string]struct {
		reason string
		change func(*protocol.ClientFrame)
		code   protocol.Code
	}{
		"NoConversation": {"where to?", func(f *protocol.ClientFrame) { f.Conversation = "" }, protocol.CodeInvalid},
		"LongID":         {"ids are bounded", func(f *protocol.ClientFrame) { f.Conversation = strings.Repeat("c", 129) }, protocol.CodeInvalid},
		"Foreign":        {"absence looks like non-membership", func(f *protocol.ClientFrame) { f.Conversation = "g-nowhere" }, protocol.CodeNotMember},
		"NoID":           {"retries are told by it", func(f *protocol.ClientFrame) { f.ClientMsgID = "" }, protocol.CodeInvalid},
		"LongMsgID":      {"ids are bounded", func(f *protocol.ClientFrame) { f.ClientMsgID = strings.Repeat("m", 65) }, protocol.CodeInvalid},
		"NoBody":         {"an empty message says nothing", func(f *protocol.ClientFrame) { f.Body = "" }, protocol.CodeInvalid},
		"LongBody":       {"bodies are bounded", func(f *protocol.ClientFrame) { f.Body = strings.Repeat("x", protocol.MaxBodyBytes+1) }, protocol.CodeTooLarge},
	}
	for name, tc := range cases {
		f := message(room, "x")
		tc.change(&f)
		alice.say(f)
		alice.refused(name+": "+tc.reason, tc.code)
	}
	largest := message(room, "largest")
	largest.Body = strings.Repeat("x", protocol.MaxBodyBytes)
	alice.say(largest)
	if ack := alice.expect(protocol.TypeAck); ack.Seq != 3 {
		w.Errorf("the largest body got seq %d, want 3: nothing that was refused counts", ack.Seq)
	}
}

// pressure sends more at once than is taken: what is refused closes the gate until it comes again.
func pressure(w *world) {
	const count = 200
	room := w.group("alice", "bob")
	alice, bob := w.hello("alice", "phone"), w.hello("bob", "phone")
	id := func(n int) string { return fmt.Sprintf("m%03d", n) }
	next, refusals := 0, 0
	for round := 0; next < count; round++ {
		said := count - next
		for n := next; n < count; n++ {
			alice.say(message(room, id(n)))
		}
		lowest, pause := "", uint32(0)
		for range said {
			f := alice.next()
			for f.Type != protocol.TypeAck && f.Type != protocol.TypeError {
				f = alice.next()
			}
			switch {
			case f.Type == protocol.TypeAck && f.ClientMsgID == id(next):
				next++
			case f.Type == protocol.TypeAck:
				w.Fatalf("%s is acknowledged, want %s: an earlier one was refused or is owed an answer", f.ClientMsgID, id(next))
			case !f.Code.Retryable() || f.RetryAfterMS == 0:
				w.Fatalf("refused with %+v", f)
			default:
				refusals++
				if lowest == "" || f.ClientMsgID < lowest {
					lowest, pause = f.ClientMsgID, f.RetryAfterMS
				}
			}
		}
		if lowest != "" && lowest != id(next) {
			w.Fatalf("%s was refused and %s is the next without an ack", lowest, id(next))
		}
		time.Sleep(time.Duration(pause) * time.Millisecond) // as the server asks
		if round > 1000 {
			w.Fatal("it never ends")
		}
	}
	if refusals == 0 {
		w.Errorf("%d messages at once are all taken: nothing bounds a sender", count)
	}
	var want, got []string
	for n := range count {
		want = append(want, id(n))
	}
	for _, e := range bob.entries(room, 0, count+1)[1:] {
		got = append(got, e.ClientMsgID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("what bob got, -want +got:\n%s", diff)
	}
}

func changes(w *world) {
	room := w.group("alice", "bob")
	alice, bob := w.hello("alice", "phone"), w.hello("bob", "phone")
	bob.entries(room, 0, 1)
	alice.say(message(room, "m1"))
	alice.expect(protocol.TypeAck)
	change := func(id, kind string, target uint64, body, emoji string) protocol.ClientFrame {
		return protocol.ClientFrame{Type: kind, Conversation: room, ClientMsgID: id, Target: target, Body: body, Emoji: emoji}
	}
	unreact := change("c3", protocol.TypeReact, 2, "", "👍")
	unreact.Removed = true
	for i, f := range []protocol.ClientFrame{
		change("c1", protocol.TypeEdit, 2, "better", ""), change("c2", protocol.TypeReact, 2, "", "👍"), unreact,
	} {
		alice.say(f)
		if ack := alice.expect(protocol.TypeAck); ack.Seq != uint64(i+3) || ack.ClientMsgID != f.ClientMsgID {
			w.Errorf("%s: %+v", f.Type, ack)
		}
	}
	refused := map[string]struct {
		reason string
		by     *socket
		frame  protocol.ClientFrame
		code   protocol.Code
	}{
		"NoTarget":  {"what is changed?", alice, change("x1", protocol.TypeEdit, 0, "b", ""), protocol.CodeInvalid},
		"NoEmoji":   {"a reaction is one", alice, change("x2", protocol.TypeReact, 2, "", ""), protocol.CodeInvalid},
		"LongEmoji": {"emojis are bounded", alice, change("x3", protocol.TypeReact, 2, "", strings.Repeat("e", 65)), protocol.CodeInvalid},
		"LongEdit":  {"bodies are bounded", alice, change("x4", protocol.TypeEdit, 2, strings.Repeat("x", protocol.MaxBodyBytes+1), ""), protocol.CodeTooLarge},
		"NoBody":    {"an empty edit is a deletion", alice, change("x5", protocol.TypeEdit, 2, "", ""), protocol.CodeInvalid},
		"Anothers":  {"only the author edits", bob, change("x6", protocol.TypeEdit, 2, "mine", ""), protocol.CodeForbidden},
		"Nothing":   {"there is no such message", alice, change("x7", protocol.TypeDelete, 999, "", ""), protocol.CodeNotFound},
	}
	for name, tc := range refused {
		tc.by.say(tc.frame)
		tc.by.refused(name+": "+tc.reason, tc.code)
	}
	alice.say(change("c4", protocol.TypeDelete, 2, "", ""))
	alice.expect(protocol.TypeAck)
	// A new device of bob's sees each as an entry of its own.
	got := w.hello("bob", "tablet").entries(room, 0, 6)
	kinds := []string{}
	for _, e := range got[2:] {
		if e.Target != 2 {
			w.Errorf("entry %d has the target %d", e.Seq, e.Target)
		}
		kinds = append(kinds, e.Kind)
	}
	want := []string{protocol.KindEdited, protocol.KindReacted, protocol.KindReacted, protocol.KindDeleted}
	if diff := cmp.Diff(want, kinds); diff != "" {
		w.Errorf("what bob got, -want +got:\n%s", diff)
	}
	if got[3].Emoji != "👍" || got[3].Removed || !got[4].Removed {
		w.Errorf("reactions: %+v, %+v", got[3], got[4])
	}
}
