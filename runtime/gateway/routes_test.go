package gateway_test

import (
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// online asks Redis whether the user is connected.
func online(t *testing.T, r *gatewaytest.Redis, u store.User) bool {
	t.Helper()
	got, err := r.Cache.Presence(t.Context(), []store.User{u})
	return err == nil && got[0].Online
}

func TestAConnectionIsRegisteredWhenItIsWelcomedAndGoneWhenItEnds(t *testing.T) {
	w := gatewaytest.New(t)
	r := w.UseRedis()
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Eventually("the gateway has its lease", func() bool { return len(r.Keys()) > 0 })
	phone := w.Hello(g.URL, "alice", "phone")
	tablet := w.Hello(g.URL, "alice", "tablet")
	if !online(t, r, w.User("alice")) {
		t.Fatal("she is welcomed and not registered")
	}
	_ = phone.Close()
	_ = tablet.Close()
	w.Eventually("she is gone", func() bool { return !online(t, r, w.User("alice")) })
	got, err := r.Cache.Presence(t.Context(), []store.User{w.User("alice")})
	if err != nil || time.Since(got[0].LastSeen) > time.Minute {
		t.Errorf("last seen = %v, %v", got, err)
	}
}

// The newer connection of a device wins, wherever it is. The older learns it at once, or, where nobody can tell its gateway, at its
// next renewal.
func TestADeviceThatConnectsElsewhereClosesTheOlderConnection(t *testing.T) {
	cases := map[string]struct {
		reason     string
		pods       bool
		routeEvery time.Duration
	}{
		"AtOnce":           {"a chat pod tells the other gateway", true, time.Hour},
		"AtItsNextRenewal": {"no chat pod is there to tell", false, 50 * time.Millisecond},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			w.UseRedis()
			if tc.pods {
				w.Pod("c1")
			}
			limits := func(o *gateway.Options) { o.Limits.RouteEvery = tc.routeEvery }
			g1, g2 := w.Gateway("g1", limits), w.Gateway("g2", limits)
			older, other := w.Hello(g1.URL, "alice", "phone"), w.Hello(g1.URL, "alice", "tablet")
			newer := w.Hello(g2.URL, "alice", "phone")
			if code := older.Closed(); code != protocol.CloseReplaced {
				t.Errorf("%s: close code = %d, want %d", tc.reason, code, protocol.CloseReplaced)
			}
			for _, s := range []*gatewaytest.Socket{newer, other} {
				s.Say(protocol.ClientFrame{Type: protocol.TypePing})
				s.Expect(protocol.TypePong)
			}
			// And back again, to the first gateway.
			w.Hello(g1.URL, "alice", "phone")
			if code := newer.Closed(); code != protocol.CloseReplaced {
				t.Errorf("%s: close code = %d, want %d", tc.reason, code, protocol.CloseReplaced)
			}
		})
	}
}

// A Redis that is away, hangs or was emptied holds up no hello, and both connections of a device go on until it is back.
func TestHelloDoesNotDependOnRedis(t *testing.T) {
	cases := map[string]struct {
		reason     string
		spoil, fix func(*gatewaytest.Redis)
	}{
		"Away":    {"it refuses connections", func(r *gatewaytest.Redis) { r.Close() }, func(r *gatewaytest.Redis) { _ = r.Restart() }},
		"Hangs":   {"it answers after all deadlines", func(r *gatewaytest.Redis) { r.Slow(5 * time.Second) }, func(r *gatewaytest.Redis) { r.Slow(0) }},
		"Errors":  {"it answers with errors", func(r *gatewaytest.Redis) { r.SetError("LOADING") }, func(r *gatewaytest.Redis) { r.SetError("") }},
		"Emptied": {"it forgets everything", func(r *gatewaytest.Redis) { r.FlushAll() }, func(r *gatewaytest.Redis) { r.FlushAll() }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			r := w.UseRedis()
			w.Pod("c1")
			g := w.Gateway("g1", nil)
			w.Hello(g.URL, "alice", "phone")
			tc.spoil(r)
			begin := time.Now()
			w.Hello(g.URL, "bob", "phone")
			if took := time.Since(begin); took > 3*time.Second {
				t.Errorf("%s: a hello took %v", tc.reason, took)
			}
			tc.fix(r)
			for _, who := range []string{"alice", "bob"} {
				w.Eventually(tc.reason+": afterwards "+who+" is registered", func() bool { return online(t, r, w.User(who)) })
			}
		})
	}
}

// Every route is registered again before the gateway has a lease again.
func TestAnEmptiedRedisIsNotKnownUntilEverybodyIsRegisteredAgain(t *testing.T) {
	w := gatewaytest.New(t)
	r := w.UseRedis()
	w.Pod("c1")
	hold := make(chan struct{})
	var routes *slowRoutes
	g := w.Gateway("g1", func(o *gateway.Options) {
		routes = &slowRoutes{Routes: o.Routes}
		o.Routes = routes
	})
	w.Hello(g.URL, "alice", "phone")
	var instance string
	w.Eventually("the lease is there", func() bool {
		instance = routes.leased()
		return instance != ""
	})
	away := func(user string) bool {
		got, err := r.Cache.Away(t.Context(), []string{instance}, [][]store.User{{w.User(user)}})
		return err == nil && got[0][0]
	}
	w.Eventually("who is not there is away", func() bool { return away("bob") })
	if away("alice") {
		t.Fatal("who is there is away")
	}
	routes.hold(hold)
	r.FlushAll()
	if away("bob") || away("alice") {
		t.Error("an emptied Redis knows who is away")
	}
	w.Eventually("alice is being registered", func() bool { return routes.held() })
	if away("bob") || away("alice") {
		t.Error("the lease came before the routes")
	}
	close(hold)
	w.Eventually("it is whole again", func() bool { return away("bob") })
	if away("alice") {
		t.Error("the lease came without the routes")
	}
}

// A gateway that dies silently is noticed when its lease lapses.
func TestAGatewayThatDiesIsNoticed(t *testing.T) {
	w := gatewaytest.New(t)
	r := w.UseRedis()
	w.Pod("c1")
	var routes *slowRoutes
	g := w.Gateway("g1", func(o *gateway.Options) {
		routes = &slowRoutes{Routes: o.Routes}
		o.Routes = routes
	})
	w.Hello(g.URL, "alice", "phone")
	w.Eventually("she is online", func() bool { return online(t, r, w.User("alice")) })
	routes.die()
	r.FastForward(cache.DefaultLease)
	if online(t, r, w.User("alice")) {
		t.Error("the routes of a gateway without a lease count")
	}
}
