package conformance

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// fill has several users say n messages, as fast as they may.
func (w *world) fill(room string, n int, names ...string) {
	w.Helper()
	sockets := make([]*socket, len(names))
	for i, name := range names {
		sockets[i] = w.hello(name, "filler")
	}
	for i := range n {
		s := sockets[i%len(sockets)]
		for acked := false; !acked; {
			s.say(message(room, fmt.Sprint("fill-", i)))
			f := s.next()
			for f.Type != protocol.TypeAck && f.Type != protocol.TypeError {
				f = s.next()
			}
			if acked = f.Type == protocol.TypeAck; acked {
				continue
			}
			if !f.Code.Retryable() {
				w.Fatalf("a message is refused: %+v", f)
			}
			time.Sleep(time.Duration(f.RetryAfterMS) * time.Millisecond) // as the server asks
		}
	}
	for _, s := range sockets {
		_ = s.ws.Close()
	}
}

func marks(w *world) {
	room := w.group("alice", "bob")
	phone, tablet := w.hello("alice", "phone"), w.hello("alice", "tablet")
	w.fill(room, 5, "bob")
	phone.entries(room, 0, 6)
	tablet.entries(room, 0, 6)
	phone.say(protocol.ClientFrame{Type: protocol.TypeDelivered, Conversation: room, Seq: 4})
	phone.say(protocol.ClientFrame{Type: protocol.TypeDelivered, Conversation: room, Seq: 2}) // marks only rise
	phone.say(protocol.ClientFrame{Type: protocol.TypeRead, Conversation: room, Seq: 3})
	for {
		f := tablet.expect(protocol.TypeReceipt)
		if f.Conversation != room || f.User != w.user("alice") {
			w.Errorf("a receipt of %+v, want alice's", f)
		}
		if f.Read == 3 {
			break
		}
	}
	phone.lives()
	_ = phone.ws.Close()
	// What was confirmed does not come again; the rest does.
	again := w.hello("alice", "phone")
	var seqs []uint64
	for len(seqs) == 0 || seqs[len(seqs)-1] < 6 {
		for _, e := range again.expect(protocol.TypeEntries).Entries {
			seqs = append(seqs, e.Seq)
		}
	}
	if diff := cmp.Diff([]uint64{5, 6}, seqs); diff != "" {
		w.Errorf("after the mark, -want +got:\n%s", diff)
	}
	for _, kind := range []string{protocol.TypeDelivered, protocol.TypeRead} {
		again.say(protocol.ClientFrame{Type: kind, Conversation: "g-nowhere", Seq: 1})
		again.refused("absence looks like non-membership", protocol.CodeNotMember)
		again.say(protocol.ClientFrame{Type: kind, Seq: 1})
		again.refused("where?", protocol.CodeInvalid)
	}
	again.lives()
}

func gaps(w *world) {
	const missed = protocol.MaxMissed + 30
	room := w.group("alice", "bob", "carol", "dave")
	alice := w.hello("alice", "phone")
	alice.entries(room, 0, 1)
	alice.say(protocol.ClientFrame{Type: protocol.TypeDelivered, Conversation: room, Seq: 1})
	alice.lives()
	_ = alice.ws.Close()
	w.fill(room, missed, "bob", "carol", "dave")
	last := uint64(missed + 1)

	back := w.hello("alice", "phone")
	gap := back.expect(protocol.TypeGap)
	if gap.Conversation != room || gap.From != 2 || gap.To != last-protocol.MaxMissed {
		w.Errorf("gap %+v, want 2 to %d", gap, last-protocol.MaxMissed)
	}
	back.entries(room, gap.To, last)
	seen := gap.From - 1
	for seen < gap.To {
		after := seen
		back.say(protocol.ClientFrame{Type: protocol.TypeHistory, Conversation: room, Ref: "gap", After: &after, Limit: 20})
		page := back.expect(protocol.TypeHistory)
		if page.Ref != "gap" || len(page.Entries) == 0 || len(page.Entries) > 20 || !page.More {
			w.Fatalf("a page after %d: %d entries, more %t, ref %q", after, len(page.Entries), page.More, page.Ref)
		}
		for _, e := range page.Entries {
			if e.Seq != seen+1 {
				w.Fatalf("seq %d comes after %d", e.Seq, seen)
			}
			seen = e.Seq
		}
	}
}

func history(w *world) {
	room := w.group("alice", "bob")
	w.fill(room, 6, "bob")
	s := w.hello("alice", "phone")
	s.entries(room, 0, 7)
	two, five, far := uint64(2), uint64(5), uint64(1000)
	cases := map[string]struct {
		after, before *uint64
		limit         int
		want          []uint64
		more          bool
	}{
		"Newest":    {nil, nil, 2, []uint64{6, 7}, true},
		"After":     {&two, nil, 3, []uint64{3, 4, 5}, true},
		"Before":    {nil, &five, 2, []uint64{3, 4}, true},
		"ToTheEnd":  {&five, nil, 50, []uint64{6, 7}, false},
		"FromStart": {nil, &two, 50, []uint64{1}, false},
		"Beyond":    {&far, nil, 50, nil, false},
		"Default":   {nil, nil, 0, []uint64{1, 2, 3, 4, 5, 6, 7}, false},
	}
	for name, tc := range cases {
		s.say(protocol.ClientFrame{Type: protocol.TypeHistory, Conversation: room, Ref: name, After: tc.after, Before: tc.before, Limit: tc.limit})
		f := s.expect(protocol.TypeHistory)
		var seqs []uint64
		for _, e := range f.Entries {
			seqs = append(seqs, e.Seq)
		}
		if diff := cmp.Diff(tc.want, seqs); diff != "" || f.Ref != name || f.Conversation != room || f.More != tc.more {
			w.Errorf("%s: ref %q, conversation %q, more %t; -want +got:\n%s", name, f.Ref, f.Conversation, f.More, diff)
		}
	}
	for name, f := range map[string]protocol.ClientFrame{
		"Both": {Conversation: room, After: &two, Before: &five}, "Many": {Conversation: room, Limit: 201}, "Nowhere": {},
	} {
		f.Type, f.Ref = protocol.TypeHistory, name
		s.say(f)
		if e := s.refused(name, protocol.CodeInvalid); e.Ref != name {
			w.Errorf("%s: the error's ref is %q", name, e.Ref)
		}
	}
	s.say(protocol.ClientFrame{Type: protocol.TypeHistory, Conversation: "g-nowhere", Ref: "r"})
	s.refused("absence looks like non-membership", protocol.CodeNotMember)
}
