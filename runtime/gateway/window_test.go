package gateway_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// numbered are m1 to mN.
func numbered(from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprint("m", i))
	}
	return out
}

func sayAll(s *gatewaytest.Socket, ids []string) {
	for _, id := range ids {
		s.Say(send(id))
	}
}

func TestASenderDoesNotWaitForEachAnswer(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	p.After(func(*chatpb.Send) bool { return false }) // stored, and never answered
	alice := w.Hello(g.URL, "alice", "phone")
	sayAll(alice, numbered(1, 20))
	w.Eventually("a window of sends is with the pod", func() bool { return len(p.Sends()) >= 16 })
	alice.Say(protocol.ClientFrame{Type: protocol.TypePing})
	alice.Expect(protocol.TypePong)
	if diff := cmp.Diff(numbered(1, 16), ids(p.Sends())); diff != "" {
		t.Errorf("what the pod has before it answered, -want +got:\n%s", diff)
	}
}

// The pod is told what each send of a window follows, for as long as that has no answer.
func TestEachSendOfAWindowNamesTheOneBefore(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice", "bob")
	w.Create("hall", "alice", "bob")
	var refused atomic.Bool
	p.Before(func(s *chatpb.Send) *chatpb.Result {
		if s.GetClientMsgId() == "m2" && !refused.Swap(true) {
			return &chatpb.Result{Code: string(protocol.CodeBusy), RetryAfterMs: 1}
		}
		return nil
	})
	alice, bob := w.Hello(g.URL, "alice", "phone"), w.Hello(g.URL, "bob", "phone")
	alice.Say(send("m1"))
	answers(alice, 1)
	alice.Say(send("m2")) // all before it is answered, and it is refused
	answers(alice, 1)
	p.After(func(*chatpb.Send) bool { return false })
	sayAll(alice, numbered(2, 4))
	other := send("h1")
	other.Conversation = "hall"
	alice.Say(other)
	bob.Say(send("b1"))
	w.Eventually("everything is with the pod", func() bool { return len(p.Sends()) == 7 })
	got := map[string]string{}
	for _, s := range p.Sends() {
		got[s.GetClientMsgId()] = s.GetPrevious() // of the last attempt
	}
	want := map[string]string{"m1": "", "m2": "", "m3": "m2", "m4": "m3", "h1": "", "b1": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what each follows, -want +got:\n%s", diff)
	}
}

func TestARefusalInTheMiddleOfAWindowKeepsTheOrder(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	var refused atomic.Bool
	p.Before(func(s *chatpb.Send) *chatpb.Result {
		if s.GetClientMsgId() == "m5" && !refused.Swap(true) {
			return &chatpb.Result{Code: string(protocol.CodeBusy), RetryAfterMs: 1}
		}
		return nil
	})
	alice := w.Hello(g.URL, "alice", "phone")
	sayAll(alice, numbered(1, 20))
	want := []string{"m1 #2", "m2 #3", "m3 #4", "m4 #5"}
	for _, id := range numbered(5, 20) {
		want = append(want, id+" busy")
	}
	if diff := cmp.Diff(want, answers(alice, 20)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// The later ones alone do not pass, however often they come.
	sayAll(alice, []string{"m6", "m20", "m7"})
	if diff := cmp.Diff([]string{"m6 busy", "m20 busy", "m7 busy"}, answers(alice, 3)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	sayAll(alice, numbered(5, 20))
	want = nil
	for i, id := range numbered(5, 20) {
		want = append(want, fmt.Sprintf("%s #%d", id, i+6))
	}
	if diff := cmp.Diff(want, answers(alice, 16)); diff != "" {
		t.Errorf("from the refused one on, -want +got:\n%s", diff)
	}
}

func TestAStreamThatBreaksInTheMiddleOfAWindowKeepsTheOrder(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	var answered atomic.Int64
	p.After(func(*chatpb.Send) bool { return answered.Add(1) <= 2 })
	p.Before(func(s *chatpb.Send) *chatpb.Result {
		if s.GetClientMsgId() == "m8" {
			return &chatpb.Result{Code: string(protocol.CodeUnavailable)} // it never got that far
		}
		return nil
	})
	alice := w.Hello(g.URL, "alice", "phone")
	sayAll(alice, numbered(1, 10))
	w.Eventually("the one that is refused before its turn is with the pod", func() bool { return len(p.Sends()) >= 8 })
	want := []string{"m1 #2", "m2 #3"}
	if diff := cmp.Diff(want, answers(alice, 2)); diff != "" {
		t.Errorf("what the pod has answered, -want +got:\n%s", diff)
	}
	p.Break()
	want = nil
	for _, id := range numbered(3, 10) {
		want = append(want, id+" unavailable")
	}
	if diff := cmp.Diff(want, answers(alice, 8)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p.After(nil)
	p.Before(nil)
	p.Restart()
	// The client goes back to the first unanswered one, again and again, as the protocol asks.
	var got []string
	w.Eventually("the pod is back", func() bool {
		sayAll(alice, numbered(3, 10))
		got = answers(alice, 8)
		return got[0] != "m3 unavailable"
	})
	want = nil
	for i, id := range numbered(3, 10) {
		want = append(want, fmt.Sprintf("%s #%d", id, i+4))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the same messages in their order, -want +got:\n%s", diff)
	}
}

func TestChangesOfMessagesGoThroughTheSameGate(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice", "bob")
	var refused atomic.Bool
	p.Before(func(s *chatpb.Send) *chatpb.Result {
		if s.GetEdited() != nil && !refused.Swap(true) {
			return &chatpb.Result{Code: string(protocol.CodeRateLimited), RetryAfterMs: 1}
		}
		if s.GetDeleted().GetTarget() == 1 {
			return &chatpb.Result{Code: string(protocol.CodeForbidden)}
		}
		return nil
	})
	alice, bob := w.Hello(g.URL, "alice", "phone"), w.Hello(g.URL, "bob", "phone")
	changes := []protocol.ClientFrame{
		send("m1"),
		{Type: protocol.TypeEdit, Conversation: "room", ClientMsgID: "e1", Target: 2, Body: "better"},
		{Type: protocol.TypeReact, Conversation: "room", ClientMsgID: "r1", Target: 2, Emoji: "👍"},
		{Type: protocol.TypeReact, Conversation: "room", ClientMsgID: "r2", Target: 2, Emoji: "👍", Removed: true},
		{Type: protocol.TypeDelete, Conversation: "room", ClientMsgID: "d1", Target: 2},
		{Type: protocol.TypeDelete, Conversation: "room", ClientMsgID: "d2", Target: 1},
	}
	for _, f := range changes {
		alice.Say(f)
	}
	want := []string{"m1 #2", "e1 rate_limited", "r1 rate_limited", "r2 rate_limited", "d1 rate_limited", "d2 rate_limited"}
	if diff := cmp.Diff(want, answers(alice, 6)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, f := range changes[1:] {
		alice.Say(f)
	}
	want = []string{"e1 #3", "r1 #4", "r2 #5", "d1 #6", "d2 forbidden"}
	if diff := cmp.Diff(want, answers(alice, 5)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	entries := bob.Entries(6)
	entries = entries[slices.IndexFunc(entries, func(e protocol.Entry) bool { return e.Seq == 2 }):]
	for i := range entries {
		entries[i].AtMS = 0
	}
	entry := func(seq uint64, id, kind string, change func(*protocol.Entry)) protocol.Entry {
		e := protocol.Entry{Seq: seq, Sender: "alice", Device: "phone", ClientMsgID: id, Count: 1, Kind: kind}
		change(&e)
		return e
	}
	wantEntries := []protocol.Entry{
		entry(2, "m1", protocol.KindMessage, func(e *protocol.Entry) { e.Body = "body of m1" }),
		entry(3, "e1", protocol.KindEdited, func(e *protocol.Entry) { e.Target, e.Body = 2, "better" }),
		entry(4, "r1", protocol.KindReacted, func(e *protocol.Entry) { e.Target, e.Emoji = 2, "👍" }),
		entry(5, "r2", protocol.KindReacted, func(e *protocol.Entry) { e.Target, e.Emoji, e.Removed = 2, "👍", true }),
		entry(6, "d1", protocol.KindDeleted, func(e *protocol.Entry) { e.Target = 2 }),
	}
	if diff := cmp.Diff(wantEntries, entries); diff != "" {
		t.Errorf("what bob got, -want +got:\n%s", diff)
	}
}
