package gateway_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// slowDevices is a store that takes its time over the first look at somebody's devices.
type slowDevices struct {
	gateway.Store
	asked   atomic.Bool
	waiting chan struct{}
	until   chan struct{}
}

func (s *slowDevices) Devices(ctx context.Context, u store.User) ([]store.Device, error) {
	if s.asked.CompareAndSwap(false, true) {
		close(s.waiting)
		<-s.until
	}
	return s.Store.Devices(ctx, u)
}

// A client whose line was cut connects again while the gateway is still busy with its first hello, and that one is done last: it is
// the older all the same, and the one that is closed for good.
func TestAnOlderHelloThatTakesLongerReplacesNobody(t *testing.T) {
	w := gatewaytest.New(t)
	slow := &slowDevices{waiting: make(chan struct{}), until: make(chan struct{})}
	g := w.Gateway("g1", func(o *gateway.Options) { slow.Store, o.Store = o.Store, slow })
	older := w.Open(g.URL, nil)
	older.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "alice", Device: "phone", Platform: "cli"})
	<-slow.waiting
	newer := w.Hello(g.URL, "alice", "phone")
	close(slow.until)
	if code := older.Closed(); code != protocol.CloseReplaced {
		t.Errorf("the older: close code = %d, want %d", code, protocol.CloseReplaced)
	}
	newer.Say(protocol.ClientFrame{Type: protocol.TypePing})
	newer.Expect(protocol.TypePong)
}

// The same between two gateways: the device's line to one was cut before its hello was done there, and it is connected to the other.
func TestAnOlderHelloThatTakesLongerReplacesNobodyElsewhere(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	slow := &slowDevices{waiting: make(chan struct{}), until: make(chan struct{})}
	g1 := w.Gateway("g1", func(o *gateway.Options) {
		slow.Store, o.Store = o.Store, slow
		o.Limits.RouteEvery = 50 * time.Millisecond // should the newer be registered last, the older learns it then
	})
	g2 := w.Gateway("g2", nil)
	older := w.Open(g1.URL, nil)
	older.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "alice", Device: "phone", Platform: "cli"})
	<-slow.waiting
	newer := w.Hello(g2.URL, "alice", "phone")
	close(slow.until)
	if code := older.Closed(); code != protocol.CloseReplaced && code != protocol.CloseInternal { // the latter where it is registered last
		t.Errorf("the older: close code = %d", code)
	}
	newer.Say(protocol.ClientFrame{Type: protocol.TypePing})
	newer.Expect(protocol.TypePong)
}
