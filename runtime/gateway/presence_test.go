package gateway_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// settle makes what Redis holds old enough to be believed.
func settle(t *testing.T, w *gatewaytest.World) {
	t.Helper()
	key := "p:gen#{r0}"
	w.Eventually("the generation is there", func() bool { return w.Redis.Exists(key) })
	if err := w.Redis.Set(key, "1"); err != nil {
		t.Fatal(err)
	}
}

func fast(o *gateway.Options) { o.Limits.PresenceEvery = 50 * time.Millisecond }

func TestWatchersLearnWhoComesAndGoes(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	w.Pod("c1")
	g1, g2 := w.Gateway("g1", fast), w.Gateway("g2", fast)
	settle(t, w)
	for _, other := range []string{"bob", "carl"} {
		w.Create(rest.DirectID("alice", other), "alice", other)
	}
	alice := w.Hello(g1.URL, "alice", "phone")
	alice.Entries(1)
	alice.Entries(1)
	alice.Say(protocol.ClientFrame{Type: protocol.TypePresence, Users: []string{"bob", "stranger", "alice", "bob", "\x00"}})
	if diff := cmp.Diff([]protocol.Presence{{User: "bob"}}, alice.Expect(protocol.TypePresence).Presence); diff != "" {
		t.Errorf("at first, -want +got:\n%s", diff)
	}
	for _, g := range []*gatewaytest.Gateway{g1, g2} {
		bob := w.Hello(g.URL, "bob", "phone")
		if diff := cmp.Diff([]protocol.Presence{{User: "bob", Online: true}}, alice.Expect(protocol.TypePresence).Presence); diff != "" {
			t.Errorf("he comes, -want +got:\n%s", diff)
		}
		_ = bob.Close()
		got := alice.Expect(protocol.TypePresence).Presence
		if len(got) != 1 || got[0].Online || time.Since(time.UnixMilli(got[0].LastSeenMS)) > time.Minute {
			t.Errorf("he goes: %+v", got)
		}
	}

	// Another list replaces the first one.
	w.Eventually("she may watch others", func() bool {
		alice.Say(protocol.ClientFrame{Type: protocol.TypePresence, Users: []string{"carl"}})
		f := alice.Next()
		if f.Type == protocol.TypeError && f.Code != protocol.CodeRateLimited {
			t.Fatalf("%+v", f)
		}
		return f.Type == protocol.TypePresence
	})
	w.Hello(g2.URL, "bob", "phone")
	w.Hello(g2.URL, "carl", "phone")
	if diff := cmp.Diff([]protocol.Presence{{User: "carl", Online: true}}, alice.Expect(protocol.TypePresence).Presence); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	many := make([]string, protocol.MaxPresenceUsers+1)
	alice.Say(protocol.ClientFrame{Type: protocol.TypePresence, Users: many})
	for f := alice.Next(); f.Code != protocol.CodeInvalid; f = alice.Next() {
	}
}

// What Redis has lost nobody has left: it is not known, and nothing is told.
func TestAnEmptiedRedisTellsOfNobodyThatTheyWent(t *testing.T) {
	w := gatewaytest.New(t)
	r := w.UseRedis()
	w.Pod("c1")
	g1, g2 := w.Gateway("g1", fast), w.Gateway("g2", func(o *gateway.Options) {
		fast(o)
		o.Limits.LeaseEvery = 500 * time.Millisecond // it takes a while to be back
	})
	settle(t, w)
	w.Create(rest.DirectID("alice", "bob"), "alice", "bob")
	alice, bob := w.Hello(g1.URL, "alice", "phone"), w.Hello(g2.URL, "bob", "phone")
	alice.Entries(1)
	alice.Say(protocol.ClientFrame{Type: protocol.TypePresence, Users: []string{"bob"}})
	if got := alice.Expect(protocol.TypePresence).Presence; len(got) != 1 || !got[0].Online {
		t.Fatalf("he is there: %+v", got)
	}
	r.FlushAll()
	w.Eventually("he is registered again", func() bool { return online(t, r, w.User("bob")) })
	quietly(t, alice, protocol.TypePresence)
	settle(t, w)
	_ = bob.Close()
	if got := alice.Expect(protocol.TypePresence).Presence; len(got) != 1 || got[0].Online {
		t.Errorf("now he went: %+v", got)
	}
}

func TestPresenceOnRequest(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	w.Pod("c1")
	g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
	settle(t, w)
	for _, other := range []string{"bob", "carl", "dan"} {
		w.Create(rest.DirectID("alice", other), "alice", other)
	}
	w.Hello(g2.URL, "bob", "phone")
	w.Hello(g2.URL, "eve", "phone")
	w.Hello(g1.URL, "dan", "phone")
	got, err := g1.Presence(t.Context(), w.User("alice"), []string{"carl", "eve", "bob", "dan", "bob", ""})
	if err != nil {
		t.Fatal(err)
	}
	want := []protocol.Presence{{User: "carl"}, {User: "bob", Online: true}, {User: "dan", Online: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.Redis.SetError("LOADING")
	if got, err := g1.Presence(t.Context(), w.User("alice"), []string{"carl"}); err == nil {
		t.Errorf("without Redis: %v", got)
	}
}
