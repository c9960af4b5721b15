package client_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// TestTheRealChatServiceUnderFaults has three people talk in a group at once while chat pods drain and die and gateways drain and
// lines are cut: every acknowledged message is there once, everybody sees the same order, and each sender's own order holds.
func TestTheRealChatServiceUnderFaults(t *testing.T) {
	w := gatewaytest.New(t)
	c1, c2 := w.RealPod("c1"), w.RealPod("c2")
	g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
	proxies := map[string]*gatewaytest.Proxy{}
	people := map[string]*person{}
	for i, name := range []string{"alice", "bob", "carol"} {
		proxies[name] = w.Proxy([]string{g1.URL, g2.URL}[i%2])
		people[name] = join(t, proxies[name].URL, name, nil)
	}
	c, err := people["alice"].CreateGroup(t.Context(), "team", []string{"bob", "carol"}, "key")
	if err != nil {
		t.Fatal(err)
	}

	const each = 60
	ctx, cancel := context.WithTimeout(t.Context(), 3*gatewaytest.Patience)
	defer cancel()
	reached := make(chan int, 3*each)
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := map[string]uint64{}
	for name, p := range people {
		wg.Go(func() {
			var sent []*client.Message
			for i := range each {
				m, err := p.Enqueue(c.ID, fmt.Sprintf("%s %d", name, i))
				if err != nil {
					t.Errorf("%s %d: %v", name, i, err)
					return
				}
				sent = append(sent, m)
				if i%5 == 4 { // a few under way at a time
					if _, err := m.Wait(ctx); err != nil {
						t.Errorf("%s %d: %v", name, i, err)
						return
					}
				}
				reached <- i
			}
			for i, m := range sent {
				ack, err := m.Wait(ctx)
				if err != nil {
					t.Errorf("%s %d: %v", name, i, err)
					return
				}
				mu.Lock()
				acked[fmt.Sprintf("%s %d", name, i)] = ack.Seq
				mu.Unlock()
			}
		})
	}
	faults := map[int]func(){
		20: func() { proxies["alice"].Cut() },
		40: func() { w.RealPod("c3"); c1.Kill() },
		70: func() { proxies["bob"].Cut() },
		90: func() {
			for _, p := range proxies {
				p.Point(g2.URL)
			}
			g1.BeginStop()
		},
		130: func() { w.RealPod("c4"); go func() { _ = c2.Stop() }() },
	}
	for n := range 3 * each {
		select {
		case <-reached:
		case <-ctx.Done():
			t.Fatalf("stuck after %d messages", n)
		}
		if f := faults[n]; f != nil {
			f()
		}
	}
	wg.Wait()
	if t.Failed() {
		return
	}

	last := uint64(3*each + 1)
	var first []string
	for name, p := range people {
		got := p.wait(t, c.ID, 1, last)
		var order []string
		own := map[string][]string{}
		for _, e := range got {
			if e.Kind != protocol.KindMessage {
				continue
			}
			order = append(order, e.Body)
			own[e.Sender] = append(own[e.Sender], e.Body)
			if acked[e.Body] != e.Seq {
				t.Errorf("%s saw %q at %d, acknowledged at %d", name, e.Body, e.Seq, acked[e.Body])
			}
		}
		if first == nil {
			first = order
		}
		if diff := cmp.Diff(first, order); diff != "" {
			t.Errorf("%s saw another order:\n%s", name, diff)
		}
		for sender, said := range own {
			var want []string
			for i := range each {
				want = append(want, fmt.Sprintf("%s %d", sender, i))
			}
			if diff := cmp.Diff(want, said); diff != "" {
				t.Errorf("%s saw %s out of order, -want +got:\n%s", name, sender, diff)
			}
		}
	}
	if slices.ContainsFunc(first, func(s string) bool { return strings.TrimSpace(s) == "" }) {
		t.Error("an empty message")
	}
}

func TestAMessageThatADyingPodCommittedIsSeenWithoutAnybodysHelp(t *testing.T) {
	w := gatewaytest.New(t)
	c1 := w.RealPod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.ProbeEvery = 1 << 40 }) // the slow round is not what heals
	alice, bob := join(t, g.URL, "alice", nil), join(t, g.URL, "bob", nil)
	c, err := alice.CreateDirect(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Send(t.Context(), c.ID, "hello"); err != nil {
		t.Fatal(err)
	}
	bob.wait(t, c.ID, 1, 2)
	// Committed, and the pod is cut off before it can deliver.
	c1.Kill()
	w.AppendBehind(c.ID, 3, "alice", "last words")
	bob.wait(t, c.ID, 1, 3)
}
