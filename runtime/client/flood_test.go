package client_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Far more than the gateway takes at once, which reads so slowly that what is refused is refused late: all comes through on the one
// connection, once and in order.
func TestMoreThanIsTakenAtOnceComesThrough(t *testing.T) {
	w := gatewaytest.New(t)
	w.RealPod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) {
		o.Limits.SendRate, o.Limits.SendBurst = 100, 20
		o.Limits.FrameRate, o.Limits.FrameBurst = 400, 40
	})
	var broken atomic.Int32
	alice := join(t, g.URL, "alice", func(o *client.Options) {
		o.OnState = func(err error) {
			if err != nil {
				broken.Add(1)
			}
		}
	})
	c, err := alice.CreateGroup(t.Context(), "team", nil, "key")
	if err != nil {
		t.Fatal(err)
	}
	const all = 200
	var sent []*client.Message
	var want []string
	for i := range all {
		body := fmt.Sprint(i)
		m, err := alice.Enqueue(c.ID, body)
		if err != nil {
			t.Fatal(err)
		}
		sent, want = append(sent, m), append(want, body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*gatewaytest.Patience)
	defer cancel()
	for i, m := range sent {
		if _, err := m.Wait(ctx); err != nil {
			t.Fatalf("message %d of %d: %v", i, all, err)
		}
	}
	var got []string
	for _, e := range alice.wait(t, c.ID, 1, all+1) {
		if e.Kind == protocol.KindMessage {
			got = append(got, e.Body)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := broken.Load(); n > 0 {
		t.Errorf("the connection broke %d times", n)
	}
}
