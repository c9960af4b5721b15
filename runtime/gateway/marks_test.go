package gateway_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func mark(kind string, seq uint64) protocol.ClientFrame {
	return protocol.ClientFrame{Type: kind, Conversation: "room", Seq: seq}
}

func TestMarksGoWhereTheyBelong(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	w.MarkLog.Refuse(1)
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.MarkFlushEvery = 10 * time.Millisecond })
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", bodies(4)...)
	alice := w.Hello(g.URL, "alice", "phone")
	wantSeqs(t, alice, gatewaytest.Range(1, 5))
	u := w.User("alice")
	cases := []struct {
		reason          string
		say             protocol.ClientFrame
		delivered, read uint64
	}{
		{"a mark is taken", mark(protocol.TypeDelivered, 3), 3, 0},
		{"it never falls", mark(protocol.TypeDelivered, 2), 3, 0},
		{"what was not sent is not confirmed", mark(protocol.TypeDelivered, 1000), 5, 0},
		{"reading is a mark of its own", mark(protocol.TypeRead, 4), 5, 4},
		{"nor is it read", mark(protocol.TypeRead, 1000), 5, 5},
	}
	for _, tc := range cases {
		alice.Say(tc.say)
		want := gateway.Mark{Delivered: tc.delivered, Read: tc.read}
		w.Eventually(tc.reason+": in the cache", func() bool { return w.Marks.Mark(u, v, "phone") == want })
		w.Eventually(tc.reason+": in the store", func() bool {
			m, err := w.Store.Membership(t.Context(), u, v)
			return err == nil && m.Delivered["phone"] == tc.delivered && m.Read == tc.read
		})
	}
	w.Eventually("the read mark is published, though Kafka refused once", func() bool { return w.MarkLog.Published(u) == 5 })
}

// Whatever the store has of a read mark must reach the read model, too: what Kafka did not take is told again.
func TestAReadMarkThatKafkaDidNotTakeIsNotLost(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	change := func(o *gateway.Options) { o.Limits.MarkFlushEvery = 10 * time.Millisecond }
	first := w.Gateway("g1", change)
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", bodies(4)...)
	u := w.User("alice")
	read := func(g *gatewaytest.Gateway, seq uint64) {
		t.Helper()
		alice := w.Hello(g.URL, "alice", "phone")
		alice.Entries(5)
		alice.Say(mark(protocol.TypeRead, seq))
		w.Eventually("the mark is in the store", func() bool {
			m, err := w.Store.Membership(t.Context(), u, v)
			return err == nil && m.Read == seq
		})
	}

	w.MarkLog.Refuse(1_000_000)
	read(first, 4)
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	if w.MarkLog.Published(u) != 0 {
		t.Fatal("the mark was published")
	}
	w.MarkLog.Refuse(0)
	second := w.Gateway("g2", change)
	read(second, 4) // a client repeats its marks when it comes back
	w.Eventually("another gateway publishes the repeated mark", func() bool { return w.MarkLog.Published(u) == 4 })
}

// Who sends may not have been shown what came before: the user's other devices are pushed until a client says that it was read.
func TestSendingReadsNothing(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.MarkFlushEvery = time.Millisecond })
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", bodies(4)...)
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Entries(5)
	alice.Say(send("m1"))
	if diff := cmp.Diff([]string{"m1 #6"}, answers(alice, 1)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	alice.Say(mark(protocol.TypeRead, 3))
	w.Eventually("the read mark is what the client has said", func() bool {
		m, err := w.Store.Membership(t.Context(), w.User("alice"), v)
		return err == nil && m.Read == 3 && w.MarkLog.Published(w.User("alice")) == 3
	})
}

func TestADrainTellsSpreadsAndFlushes(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	w.Marks.Break(true) // the store's copy is all there will be
	g := w.Gateway("g1", func(o *gateway.Options) { o.DrainPeriod = 300 * time.Millisecond })
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", bodies(4)...)
	var all []*gatewaytest.Socket
	for _, device := range []string{"d1", "d2", "d3", "d4"} {
		s := w.Hello(g.URL, "alice", device)
		wantSeqs(t, s, gatewaytest.Range(1, 5))
		s.Say(mark(protocol.TypeDelivered, 5))
		s.Say(mark(protocol.TypeRead, 4))
		s.Say(protocol.ClientFrame{Type: protocol.TypePing})
		s.Expect(protocol.TypePong)
		all = append(all, s)
	}
	// A message under way is answered before its connection is closed.
	came, free := make(chan struct{}), make(chan struct{})
	p.Before(holdFirst(came, free))
	all[0].Say(send("m1"))
	<-came

	g.BeginStop()
	for _, s := range all {
		if f := s.Expect(protocol.TypeDrain); f.ReconnectAfterMS > 2000 {
			t.Errorf("come back after %d ms: the closes are spread already", f.ReconnectAfterMS)
		}
	}
	if g.Ready(t.Context()) == nil {
		t.Error("a draining gateway is ready")
	}
	for _, s := range all[1:] {
		if code := s.Closed(); code != protocol.CloseDrain {
			t.Errorf("close code = %d, want %d", code, protocol.CloseDrain)
		}
	}
	close(free)
	if diff := cmp.Diff([]string{"m1 #6"}, answers(all[0], 1)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if code := all[0].Closed(); code != protocol.CloseDrain {
		t.Errorf("close code = %d, want %d", code, protocol.CloseDrain)
	}
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	m, err := w.Store.Membership(t.Context(), w.User("alice"), v)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Membership{Conv: v, Joined: 1, Read: 4, Delivered: map[string]uint64{"d1": 5, "d2": 5, "d3": 5, "d4": 5}}
	if diff := cmp.Diff(want, m, cmp.AllowUnexported(store.Conv{})); diff != "" {
		t.Errorf("what the store knows after the drain, -want +got:\n%s", diff)
	}
}
