package gateway_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// deliveries is a gateway's Figures.
type deliveries struct {
	mu     sync.Mutex
	after  []time.Duration
	tenant []store.Tenant
}

func (d *deliveries) Delivered(t store.Tenant, _ time.Time, after time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tenant, d.after = append(d.tenant, t), append(d.after, after)
}

func (d *deliveries) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.after)
}

func TestADeliveryIsMeasuredFromTheCommitToTheConfirmation(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	var d deliveries
	g := w.Gateway("g1", func(o *gateway.Options) { o.Figures, o.Limits.MarkFlushEvery = &d, 10*time.Millisecond })
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", "before she came")
	alice, bob := w.Hello(g.URL, "alice", "phone"), w.Hello(g.URL, "bob", "phone")
	// confirms has the client come so far, and waits until the gateway knows it: marks are taken in their order.
	confirms := func(s *gatewaytest.Socket, user string, seq uint64) {
		t.Helper()
		s.Say(mark(protocol.TypeDelivered, seq))
		w.Eventually(user+"'s mark", func() bool { return w.Marks.Mark(w.User(user), v, "phone").Delivered == seq })
	}
	alice.Entries(2)
	bob.Entries(2)
	confirms(alice, "alice", 2)
	if n := d.count(); n != 0 {
		t.Fatalf("%d deliveries: what was written before she came waited for her and not for us", n)
	}

	online := time.Now().UnixMilli()
	w.Eventually("another millisecond", func() bool { return time.Now().UnixMilli() > online })
	began := time.Now()
	w.Say(v, "bob", "live")
	alice.Entries(3)
	bob.Entries(3)
	confirms(bob, "bob", 3)
	if n := d.count(); n != 0 {
		t.Fatalf("%d deliveries: bob has what he wrote himself", n)
	}
	confirms(alice, "alice", 3)
	whole := time.Since(began)
	if d.count() != 1 || d.after[0] < 0 || d.after[0] > whole+2*time.Millisecond {
		t.Fatalf("%v, want one of at most %s", d.after, whole)
	}

	// One is measured at a time: the first that is not confirmed yet.
	w.Say(v, "bob", "first", "second")
	alice.Entries(5)
	confirms(alice, "alice", 5)
	if d.count() != 2 {
		t.Fatalf("%v, want one more", d.after)
	}

	// What is lost and healed took as long as that took.
	p.Mute(true)
	w.Say(v, "bob", "lost")
	p.Announce(v)
	alice.Entries(6)
	confirms(alice, "alice", 6)
	if d.count() != 3 {
		t.Errorf("%v, want the healed one, too", d.after)
	}
	if diff := cmp.Diff([]store.Tenant{v.Tenant(), v.Tenant(), v.Tenant()}, d.tenant); diff != "" {
		t.Errorf("tenants (-want +got):\n%s", diff)
	}
}
