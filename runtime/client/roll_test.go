package client_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Gateways roll one after the other under load, as in a rolling update.
func TestARollingUpdateLosesNothingAndShowsNoGap(t *testing.T) {
	w := gatewaytest.New(t)
	w.RealPod("c1")
	start := func(name string) *gatewaytest.Gateway {
		return w.Gateway(name, func(o *gateway.Options) {
			o.DrainPeriod = 400 * time.Millisecond
			o.Limits.SendRate, o.Limits.SendBurst, o.Limits.UserSendRate, o.Limits.UserSendBurst = 5000, 5000, 5000, 5000
		})
	}
	g1, g2 := start("g1"), start("g2")
	users := []string{"alice", "bob", "carol", "dave", "eve", "frank"}
	var mu sync.Mutex
	var gaps, ends []string
	proxies := make([]*gatewaytest.Proxy, len(users))
	people := make([]*person, len(users))
	for i, u := range users {
		proxies[i] = w.Proxy([]string{g1.URL, g2.URL}[i%2])
		people[i] = join(t, proxies[i].URL, u, func(o *client.Options) {
			o.OnGap = func(conversation string, from, to uint64) bool {
				mu.Lock()
				defer mu.Unlock()
				gaps = append(gaps, fmt.Sprintf("%s: %d to %d", u, from, to))
				return false
			}
			o.OnState = func(err error) {
				var c *websocket.CloseError
				if err != nil && (!errors.As(err, &c) || protocol.CloseCode(c.Code) != protocol.CloseDrain) {
					mu.Lock()
					defer mu.Unlock()
					ends = append(ends, fmt.Sprintf("%s: %v", u, err))
				}
			}
		})
	}
	c, err := people[0].CreateGroup(t.Context(), "all", users[1:], "one")
	if err != nil {
		t.Fatal(err)
	}
	// Load: two users talk, one on each gateway, until all has rolled. A client comes back within two seconds, so less than MaxMissed
	// is said meanwhile: more would be left to the history by design.
	stop := make(chan struct{})
	var talk sync.WaitGroup
	sent := make([][]*client.Message, 2)
	for i := range sent {
		talk.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(30 * time.Millisecond):
				}
				m, err := people[i].Enqueue(c.ID, fmt.Sprintf("%s %d", users[i], n))
				if err != nil {
					t.Error(err)
					return
				}
				sent[i] = append(sent[i], m)
			}
		})
	}
	// roll has the old one leave the balancer, drains it, and waits for its end.
	at := map[string]*gatewaytest.Gateway{}
	for i := range proxies {
		at[proxies[i].URL] = []*gatewaytest.Gateway{g1, g2}[i%2]
	}
	roll := func(old, to *gatewaytest.Gateway) {
		for _, p := range proxies {
			if at[p.URL] == old {
				p.Point(to.URL)
				at[p.URL] = to
			}
		}
		if err := old.Stop(); err != nil {
			t.Error(err)
		}
	}
	roll(g1, g2)
	g3 := start("g3")
	roll(g2, g3)
	close(stop)
	talk.Wait()
	last := uint64(0)
	for i := range sent {
		for _, m := range sent[i] {
			ack, err := m.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			last = max(last, ack.Seq)
		}
	}
	if want := uint64(len(sent[0])+len(sent[1])) + 1; last != want {
		t.Errorf("the last seq is %d, want %d: one for each message and one for the members", last, want)
	}
	for i, p := range people {
		got := p.wait(t, c.ID, 1, last)
		for k := range sent {
			var want []string
			for n := range sent[k] {
				want = append(want, fmt.Sprintf("%s %d", users[k], n))
			}
			if diff := cmp.Diff(want, bodiesOf(got, users[k])); diff != "" {
				t.Errorf("what %s saw of %s, -want +got:\n%s", users[i], users[k], diff)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(gaps) > 0 || len(ends) > 0 {
		t.Errorf("gaps %v, ends other than a drain's %v: want none", gaps, ends)
	}
	for i, p := range proxies {
		// Once to begin with, and once or twice more as its gateways rolled.
		if n := p.Dials(); n > 4+i%2 {
			t.Errorf("%s connected %d times", users[i], n)
		}
	}
}
