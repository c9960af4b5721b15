package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func bodies(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("message %d", i+1)
	}
	return out
}

// wantSeqs reads entries up to the last of want.
func wantSeqs(t *testing.T, s *gatewaytest.Socket, want []uint64) {
	t.Helper()
	got := gatewaytest.Seqs(s.Entries(want[len(want)-1]))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("seqs, -want +got:\n%s", diff)
	}
}

func TestLostDeliveriesAreHealed(t *testing.T) {
	cases := map[string]struct {
		reason string
		heal   func(w *gatewaytest.World, p *gatewaytest.Pod, v store.Conv)
		limits gateway.Limits
		last   uint64
	}{
		"ByTheNextDelivery": {
			reason: "it does not continue where the connection is",
			heal:   func(w *gatewaytest.World, p *gatewaytest.Pod, v store.Conv) { p.Mute(false); w.Say(v, "bob", "again") },
			last:   5,
		},
		"ByAHead": {
			reason: "the pod announces how far the conversation has come",
			heal:   func(w *gatewaytest.World, p *gatewaytest.Pod, v store.Conv) { p.Announce(v) },
			last:   4,
		},
		"ByThePodsDeath": {
			reason: "nobody announces any more, so the gateway looks for itself",
			heal:   func(w *gatewaytest.World, p *gatewaytest.Pod, v store.Conv) { p.Kill() },
			last:   4,
		},
		"ByTheSlowProbe": {
			reason: "nothing at all is heard",
			heal:   func(*gatewaytest.World, *gatewaytest.Pod, store.Conv) {},
			limits: gateway.Limits{ProbeEvery: 50 * time.Millisecond},
			last:   4,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			p := w.Pod("c1")
			g := w.Gateway("g1", func(o *gateway.Options) { o.Limits = tc.limits })
			v := w.Create("room", "alice", "bob")
			alice := w.Hello(g.URL, "alice", "phone")
			alice.Entries(1)
			p.Mute(true)
			w.Say(v, "bob", "one", "two", "three")
			tc.heal(w, p, v)
			got := gatewaytest.Seqs(alice.Entries(tc.last))
			if diff := cmp.Diff(gatewaytest.Range(2, tc.last), got); diff != "" {
				t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestWhatWasMissedComesInOrderAndOnce(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	alice := w.Hello(g.URL, "alice", "phone")
	w.Say(v, "bob", bodies(4)...)
	wantSeqs(t, alice, gatewaytest.Range(1, 5))
	alice.Say(protocol.ClientFrame{Type: protocol.TypeDelivered, Conversation: "room", Seq: 3})
	w.Eventually("the mark is in the cache", func() bool { return w.Marks.Mark(w.User("alice"), v, "phone").Delivered == 3 })
	_ = alice.Close()
	w.Say(v, "bob", bodies(3)...)

	alice = w.Hello(g.URL, "alice", "phone")
	w.Say(v, "bob", "live")
	wantSeqs(t, alice, gatewaytest.Range(4, 9))
	// Another device has a mark of its own.
	wantSeqs(t, w.Hello(g.URL, "alice", "tablet"), gatewaytest.Range(1, 9))
}

func TestResumeWithAnEmptyCacheUsesTheStore(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	w.Marks.Break(true)
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", bodies(4)...)
	alice := w.Hello(g.URL, "alice", "phone")
	wantSeqs(t, alice, gatewaytest.Range(1, 5))
	alice.Say(protocol.ClientFrame{Type: protocol.TypeDelivered, Conversation: "room", Seq: 5})
	alice.Say(protocol.ClientFrame{Type: protocol.TypePing})
	alice.Expect(protocol.TypePong)
	_ = alice.Close()
	w.Eventually("the mark is in the store", func() bool {
		m, err := w.Store.Membership(t.Context(), w.User("alice"), v)
		return err == nil && m.Delivered["phone"] == 5
	})
	w.Say(v, "bob", "new")
	wantSeqs(t, w.Hello(g.URL, "alice", "phone"), gatewaytest.Range(6, 6))
}

func TestALongAbsenceLeavesAGap(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	cases := []struct {
		reason string
		total  uint64
		gapTo  uint64
	}{
		{"at the bound everything is sent", 200, 0},
		{"one more leaves a gap", 201, 1},
		{"beyond a page of the store", 650, 450},
	}
	for i, tc := range cases {
		w.Say(v, "bob", bodies(int(tc.total-w.Head(v)))...)
		if i == 2 {
			// Where the tail is known, what is far behind is not even read.
			if err := w.Store.RaiseTail(t.Context(), v, 600, 599); err != nil {
				t.Fatal(err)
			}
		}
		s := w.Hello(g.URL, "alice", fmt.Sprintf("device%d", i))
		if tc.gapTo > 0 {
			f := s.Expect(protocol.TypeGap)
			if f.From != 1 || f.To != tc.gapTo || f.Conversation != "room" {
				t.Errorf("%s: gap = %+v, want 1 to %d", tc.reason, f, tc.gapTo)
			}
		}
		wantSeqs(t, s, gatewaytest.Range(tc.gapTo+1, tc.total))
		w.Say(v, "bob", "live")
		wantSeqs(t, s, gatewaytest.Range(tc.total+1, tc.total+1))
	}
}

func TestSlowReaderIsClosedAndOthersGoOn(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	metrics := prometheus.NewRegistry()
	g := w.Gateway("g1", func(o *gateway.Options) {
		o.Limits.QueueBytes, o.Registerer = 128<<10, metrics
		// However slow the machine is: no other bound closes it first.
		o.Limits.WriteTimeout, o.Limits.PingEvery = time.Hour, time.Hour
	})
	v := w.Create("room", "alice", "bob", "carol")
	slow, quick := w.Hello(g.URL, "alice", "phone"), w.Hello(g.URL, "bob", "phone")
	slow.Entries(1)
	quick.Entries(1)
	slow.Narrow()
	body := strings.Repeat("x", 15<<10)
	seq := uint64(1)
	for counted(t, metrics, "chatcluster_gateway_closes_total", strconv.Itoa(int(protocol.CloseSlow))) == 0 {
		seq = w.Say(v, "carol", fmt.Sprint(seq, body))
		wantSeqs(t, quick, []uint64{seq})
		if seq > 5000 {
			t.Fatal("75 MB wait for a connection that reads nothing")
		}
	}
	// The gateway waits some seconds for the close to be read. Who is slower than that finds the connection gone, and comes back too.
	if code, told := slow.Ended(); told && code != protocol.CloseSlow {
		t.Errorf("close code = %d, want %d", code, protocol.CloseSlow)
	}
	last := w.Say(v, "carol", bodies(protocol.MaxMissed)...)
	wantSeqs(t, quick, gatewaytest.Range(seq+1, last))
	back := w.Hello(g.URL, "alice", "phone")
	f := back.Expect(protocol.TypeGap)
	if got := back.Entries(last); got[0].Seq != f.To+1 {
		t.Errorf("the gap ends at %d and the entries begin at %d", f.To, got[0].Seq)
	}
}

func TestMembersComeAndGo(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	carol := w.Hello(g.URL, "carol", "phone")
	w.Say(v, "alice", "before") // 2
	w.Change(v, "carol", true)  // 3
	w.Say(v, "alice", "hello")  // 4
	wantSeqs(t, carol, gatewaytest.Range(3, 4))
	w.Change(v, "carol", false)  // 5
	w.Say(v, "alice", "secret")  // 6
	w.Change(v, "carol", true)   // 7
	w.Say(v, "alice", "welcome") // 8
	wantSeqs(t, carol, []uint64{3, 4, 5, 7, 8}[2:])

	// A device that was never connected gets what its user might see, and no more.
	wantSeqs(t, w.Hello(g.URL, "carol", "tablet"), []uint64{3, 4, 5, 7, 8})

	// Coming is noticed even if the delivery that told of it was lost.
	p.Mute(true)
	w.Change(v, "dave", true)
	dave := w.Hello(g.URL, "erin", "phone")
	w.Change(v, "erin", true) // 10
	p.Announce(v, "dave", "erin")
	wantSeqs(t, dave, gatewaytest.Range(10, 10))
}

// racingMemberships has something happen after the connection is registered and before its memberships are read.
type racingMemberships struct {
	gateway.Store
	before func()
}

func (r racingMemberships) Memberships(ctx context.Context, u store.User) ([]store.Membership, error) {
	r.before()
	return r.Store.Memberships(ctx, u)
}

func TestComingBackDuringTheHelloLosesNothingOfTheEarlierStay(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", bodies(2)...) // 2, 3
	w.Change(v, "alice", false)   // 4
	w.Say(v, "bob", "secret")     // 5
	reg := prometheus.NewRegistry()
	g := w.Gateway("g1", func(o *gateway.Options) {
		o.Registerer = reg
		o.Store = racingMemberships{o.Store, func() {
			had := counted(t, reg, "chatcluster_gateway_deliveries_total")
			w.Change(v, "alice", true) // 6
			w.Say(v, "bob", "hello")   // 7: a delivery is taken when the next one is
			w.Eventually("both are delivered", func() bool { return counted(t, reg, "chatcluster_gateway_deliveries_total") == had+2 })
		}}
	})
	wantSeqs(t, w.Hello(g.URL, "alice", "phone"), []uint64{1, 2, 3, 4, 6, 7})
}

// racingReads has something happen after each read of a log.
type racingReads struct {
	gateway.Store
	after func()
}

func (r racingReads) Read(ctx context.Context, v store.Conv, from uint64, limit int) ([]store.Stored, error) {
	found, err := r.Store.Read(ctx, v, from, limit)
	r.after()
	return found, err
}

func TestWhatIsDeliveredWhileAPullEndsIsPulled(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	v, other := w.Create("room", "alice", "bob"), w.Create("other", "bob")
	reg := prometheus.NewRegistry()
	var once sync.Once
	g := w.Gateway("g1", func(o *gateway.Options) {
		o.Registerer = reg
		o.Store = racingReads{o.Store, func() {
			once.Do(func() {
				had := counted(t, reg, "chatcluster_gateway_deliveries_total")
				w.Say(v, "bob", "just now") // 2
				w.Say(other, "bob", "x")    // a delivery is taken when the next one is
				w.Eventually("both are delivered", func() bool { return counted(t, reg, "chatcluster_gateway_deliveries_total") == had+2 })
			})
		}}
	})
	wantSeqs(t, w.Hello(g.URL, "alice", "phone"), gatewaytest.Range(1, 2))
}

func TestWhoLeftGetsTheEndOnLateDevices(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", "last words") // 2
	w.Change(v, "alice", false)   // 3
	w.Say(v, "bob", "secret")     // 4
	alice := w.Hello(g.URL, "alice", "phone")
	wantSeqs(t, alice, gatewaytest.Range(1, 3))
	w.Say(v, "bob", "secret too")
	alice.Say(protocol.ClientFrame{Type: protocol.TypeDelivered, Conversation: "room", Seq: 3})
	w.Eventually("the end is confirmed, and no more", func() bool { return w.Marks.Mark(w.User("alice"), v, "phone").Delivered == 3 })
	alice.Say(protocol.ClientFrame{Type: protocol.TypePing})
	if f := alice.Next(); f.Type != protocol.TypePong {
		t.Errorf("after leaving came %+v", f)
	}
}

func TestAStoreThatFailsForAWhileDelaysAndLosesNothing(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", bodies(3)...)
	var fails atomic.Int32
	w.Store.OnRead(func(store.Conv, uint64) error {
		if fails.Add(1) <= 2 {
			return gatewaytest.ErrBroken
		}
		return nil
	})
	wantSeqs(t, w.Hello(g.URL, "alice", "phone"), gatewaytest.Range(1, 4))
}

func TestAHeadThatTheStoreDoesNotHaveIsForgotten(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Entries(1)
	p.Tell(headFrame(v, 1000))
	w.Say(v, "bob", bodies(3)...)
	wantSeqs(t, alice, gatewaytest.Range(2, 4))
}

// counted is the sum of a counter over its labels.
func counted(t *testing.T, r *prometheus.Registry, name string, label ...string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				wanted := len(label) == 0
				for _, l := range m.GetLabel() {
					wanted = wanted || slices.Contains(label, l.GetValue())
				}
				if wanted {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

func headFrame(v store.Conv, seq uint64) *chatpb.ChatFrame {
	return &chatpb.ChatFrame{Heads: []*chatpb.Head{{Tenant: string(v.Tenant()), Conversation: v.ID(), Seq: seq}}}
}
