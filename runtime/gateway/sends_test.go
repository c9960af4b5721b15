package gateway_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func send(id string) protocol.ClientFrame {
	return protocol.ClientFrame{Type: protocol.TypeSend, Conversation: "room", ClientMsgID: id, Body: "body of " + id}
}

// answers reads n acks and errors of sends, as "id code" or "id #seq".
func answers(s *gatewaytest.Socket, n int) []string {
	var out []string
	for len(out) < n {
		switch f := s.Next(); f.Type {
		case protocol.TypeAck:
			out = append(out, fmt.Sprintf("%s #%d", f.ClientMsgID, f.Seq))
		case protocol.TypeError:
			out = append(out, fmt.Sprintf("%s %s", f.ClientMsgID, f.Code))
		}
	}
	return out
}

func TestASendIsAcknowledgedAndDelivered(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice", "bob")
	alice, bob := w.Hello(g.URL, "alice", "phone"), w.Hello(g.URL, "bob", "phone")
	alice.Entries(1)
	bob.Entries(1)
	after := uint64(1)
	f := send("m1")
	f.AfterSeq = &after
	alice.Say(f)
	if diff := cmp.Diff([]string{"m1 #2"}, answers(alice, 1)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got := bob.Entries(2)[0]
	got.AtMS = 0
	want := protocol.Entry{
		Seq: 2, Sender: "alice", Device: "phone", ClientMsgID: "m1", Count: 1, Kind: protocol.KindMessage, Body: "body of m1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what bob got, -want +got:\n%s", diff)
	}
}

func TestAfterARefusalNothingOvertakes(t *testing.T) {
	codes := []protocol.Code{protocol.CodeBusy, protocol.CodeRateLimited, protocol.CodeUnavailable}
	for _, code := range codes {
		t.Run(string(code), func(t *testing.T) {
			w := gatewaytest.New(t)
			p := w.Pod("c1")
			g := w.Gateway("g1", nil)
			w.Create("room", "alice")
			w.Create("hall", "alice")
			var refused atomic.Bool
			p.Before(func(s *chatpb.Send) *chatpb.Result {
				if s.GetClientMsgId() == "m1" && !refused.Swap(true) {
					return &chatpb.Result{Code: string(code), RetryAfterMs: 7}
				}
				return nil
			})
			alice := w.Hello(g.URL, "alice", "phone")
			for _, id := range []string{"m1", "m2", "m3"} {
				alice.Say(send(id))
			}
			c := string(code)
			if diff := cmp.Diff([]string{"m1 " + c, "m2 " + c, "m3 " + c}, answers(alice, 3)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			alice.Say(send("m2"))
			if diff := cmp.Diff([]string{"m2 " + c}, answers(alice, 1)); diff != "" {
				t.Errorf("the second alone, -want +got:\n%s", diff)
			}
			elsewhere := send("h1")
			elsewhere.Conversation = "hall"
			alice.Say(elsewhere)
			if diff := cmp.Diff([]string{"h1 #2"}, answers(alice, 1)); diff != "" {
				t.Errorf("another conversation, -want +got:\n%s", diff)
			}
			for _, id := range []string{"m1", "m2", "m3"} {
				alice.Say(send(id))
			}
			if diff := cmp.Diff([]string{"m1 #2", "m2 #3", "m3 #4"}, answers(alice, 3)); diff != "" {
				t.Errorf("from the first on, -want +got:\n%s", diff)
			}
		})
	}
}

func TestATerminalErrorHoldsNothingBack(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	p.Before(func(s *chatpb.Send) *chatpb.Result {
		if s.GetClientMsgId() == "m1" {
			return &chatpb.Result{Code: string(protocol.CodeRetryTooOld)}
		}
		return nil
	})
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Say(send("m1"))
	alice.Say(send("m2"))
	if diff := cmp.Diff([]string{"m1 retry_too_old", "m2 #2"}, answers(alice, 2)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestABrokenStreamLeavesTheOutcomeOpenAndARetryFindsIt(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	alice := w.Hello(g.URL, "alice", "phone")
	committed := make(chan struct{}, 8)
	p.After(func(*chatpb.Send) bool { committed <- struct{}{}; return false })
	alice.Say(send("m1"))
	alice.Say(send("m2"))
	<-committed
	p.Break()
	if diff := cmp.Diff([]string{"m1 unavailable", "m2 unavailable"}, answers(alice, 2)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p.After(nil)
	p.Restart()
	w.Eventually("the pod is back", func() bool { return p.Streams() == 1 })
	retry := func() []string { alice.Say(send("m1")); return answers(alice, 1) }
	var got []string
	w.Eventually("the retry is taken", func() bool { got = retry(); return got[0] != "m1 unavailable" })
	if diff := cmp.Diff([]string{"m1 #2"}, got); diff != "" {
		t.Errorf("the same message, -want +got:\n%s", diff)
	}
	alice.Say(send("m2"))
	if diff := cmp.Diff([]string{"m2 #3"}, answers(alice, 1)); diff != "" {
		t.Errorf("the next, -want +got:\n%s", diff)
	}
}

func TestWithoutAChatPodSendsAreRetryable(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	if g.Ready(t.Context()) == nil {
		t.Error("a gateway that never saw a chat pod is ready")
	}
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Say(send("m1"))
	if diff := cmp.Diff([]string{"m1 unavailable"}, answers(alice, 1)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAConnectionThatSendsTooFastIsToldToWait(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.SendRate = 0.001; o.Limits.SendBurst = 1 })
	w.Create("room", "alice")
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Say(send("m1"))
	alice.Say(send("m2"))
	if diff := cmp.Diff([]string{"m1 #2", "m2 rate_limited"}, sortedAnswers(alice, 2)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A client that sends again what has its answer on the way may have it refused and acknowledged: then it never sends it again, and the
// gate would stay closed for ever.
func TestAGateThatWaitsInVainEndsTheConnection(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.SendRate = 0.001; o.Limits.SendBurst = 1 })
	w.Create("room", "alice")
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Say(send("m1"))
	if diff := cmp.Diff([]string{"m1 #2"}, answers(alice, 1)); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	alice.Say(send("m1"))
	if diff := cmp.Diff([]string{"m1 rate_limited"}, answers(alice, 1)); diff != "" {
		t.Fatalf("the same again, -want +got:\n%s", diff)
	}
	alice.Say(send("m2")) // lost in the same way: it comes once
	for i := range 100 {
		alice.Say(send(fmt.Sprintf("m%d", 3+i%5)))
	}
	if code := alice.Closed(); code != protocol.CloseInternal {
		t.Errorf("closed with %d, want %d: the client comes back with that", code, protocol.CloseInternal)
	}
	alice = w.Hello(g.URL, "alice", "phone")
	alice.Say(send("m3"))
	if diff := cmp.Diff([]string{"m3 #3"}, answers(alice, 1)); diff != "" {
		t.Errorf("a new connection, -want +got:\n%s", diff)
	}
}

// However often the refused one is refused again, what is behind it waits.
func TestAGateThatIsTriedAgainStays(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	const refusals = 20
	var n atomic.Int32
	p.Before(func(s *chatpb.Send) *chatpb.Result {
		if s.GetClientMsgId() == "m1" && n.Add(1) <= refusals {
			return &chatpb.Result{Code: string(protocol.CodeBusy)}
		}
		return nil
	})
	alice := w.Hello(g.URL, "alice", "phone")
	for range refusals {
		alice.Say(send("m1"))
		alice.Say(send("m2"))
		if diff := cmp.Diff([]string{"m1 busy", "m2 busy"}, answers(alice, 2)); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
	alice.Say(send("m1"))
	alice.Say(send("m2"))
	if diff := cmp.Diff([]string{"m1 #2", "m2 #3"}, answers(alice, 2)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// sortedAnswers are answers whose order between m1 and m2 is open: one is the pod's, one the gateway's own.
func sortedAnswers(s *gatewaytest.Socket, n int) []string {
	out := answers(s, n)
	if len(out) == 2 && out[0] > out[1] {
		out[0], out[1] = out[1], out[0]
	}
	return out
}

func TestUnansweredSendsAreBounded(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.MaxPending = 3 })
	w.Create("room", "alice")
	free := make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(free) }) }
	t.Cleanup(release)
	p.Before(func(*chatpb.Send) *chatpb.Result { <-free; return nil })
	alice := w.Hello(g.URL, "alice", "phone")
	for i := range 5 {
		alice.Say(send(fmt.Sprintf("m%d", i+1)))
	}
	if diff := cmp.Diff([]string{"m4 busy", "m5 busy"}, answers(alice, 2)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	release()
	if diff := cmp.Diff([]string{"m1 #2", "m2 #3", "m3 #4"}, answers(alice, 3)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	alice.Say(send("m4"))
	alice.Say(send("m5"))
	if diff := cmp.Diff([]string{"m4 #5", "m5 #6"}, answers(alice, 2)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestADrainingPodFinishesAndGetsNothingNew(t *testing.T) {
	w := gatewaytest.New(t)
	pods := []*gatewaytest.Pod{w.Pod("c1"), w.Pod("c2")}
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	w.Eventually("both pods are connected", func() bool { return pods[0].Streams() == 1 && pods[1].Streams() == 1 })
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Say(send("m1"))
	answers(alice, 1)
	owner, other := pods[0], pods[1]
	if len(other.Sends()) > 0 {
		owner, other = other, owner
	}
	w.Create("hall", "bob")
	came, free := make(chan struct{}), make(chan struct{})
	owner.Before(holdFirst(came, free))
	alice.Say(send("m2"))
	<-came
	owner.Drain()
	// bob hears of the hall behind the drain on the same stream: the gateway knows of both then.
	bob := w.Hello(g.URL, "bob", "phone")
	bob.Entries(1)
	owner.Mute(true)
	other.Mute(true)
	seq := w.Say(w.Conv("hall"), "bob", "behind the drain")
	owner.Announce(w.Conv("hall"))
	bob.Entries(seq)
	alice.Say(send("m3"))
	alice.Say(send("m4"))
	alice.Say(protocol.ClientFrame{Type: protocol.TypePing})
	alice.Expect(protocol.TypePong)
	// What bob says goes to the other pod behind whatever the gateway has sent there by now.
	b1 := send("b1")
	b1.Conversation = "hall"
	bob.Say(b1)
	bob.Expect(protocol.TypeAck)
	if diff := cmp.Diff([]string{"b1"}, ids(other.Sends())); diff != "" {
		t.Errorf("what the other pod got while m2 was with the draining one, -want +got:\n%s", diff)
	}
	close(free)
	if diff := cmp.Diff([]string{"m2 #3", "m3 #4", "m4 #5"}, answers(alice, 3)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b1", "m3", "m4"}, ids(other.Sends())); diff != "" {
		t.Errorf("what the other pod got, -want +got:\n%s", diff)
	}
}

func ids(sends []*chatpb.Send) []string {
	var out []string
	for _, s := range sends {
		out = append(out, s.GetClientMsgId())
	}
	return out
}

// holdFirst holds a pod's first send until free is closed.
func holdFirst(came chan<- struct{}, free <-chan struct{}) func(*chatpb.Send) *chatpb.Result {
	var once sync.Once
	return func(*chatpb.Send) *chatpb.Result {
		once.Do(func() { close(came); <-free })
		return nil
	}
}
