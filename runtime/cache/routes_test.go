package cache

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// begin gives a gateway a lease.
func (e *engine) begin(instance string) {
	e.Helper()
	e.must(e.BeginGateway(e.Context(), instance))
	ok, err := e.FinishGateway(e.Context(), instance)
	e.must(err)
	if !ok {
		e.Fatalf("%s gets no lease", instance)
	}
}

func (e *engine) put(instance string, routes ...Route) []Held {
	e.Helper()
	held, err := e.PutRoutes(e.Context(), instance, routes)
	e.must(err)
	return held
}

// away is where of the instances certainly nobody of the users is.
func (e *engine) away(instances []string, users ...string) []bool {
	e.Helper()
	group := make([]store.User, len(users))
	for i, u := range users {
		group[i] = e.user(u)
	}
	got, err := e.Away(e.Context(), instances, [][]store.User{nil, group})
	e.must(err)
	return got[1]
}

func routes(_ *testing.T, e *engine) {
	both := []string{"gw1", "gw2"}
	e.same([]bool{false, false}, e.away(both, "ann")) // nobody has a lease: nothing is certain
	e.begin("gw1")
	e.same([]bool{true, false}, e.away(both, "ann"))
	e.begin("gw2")
	e.same([]bool{true, true}, e.away(both, "ann"))
	e.put("gw1", Route{User: e.user("ann"), Device: "phone", Epoch: 100})
	e.put("gw2", Route{User: e.user("bob"), Device: "phone", Epoch: 100}, Route{User: e.user("ann"), Device: "tablet", Epoch: 7})
	e.same([]bool{false, false}, e.away(both, "ann"))
	e.same([]bool{true, false}, e.away(both, "bob", "cid"))
	e.same([]bool{true, true}, e.away(both, "cid"))
	e.same([]bool{true, true}, e.away(both))

	// Whose gateway's lease has lapsed is nowhere, and of that gateway nothing is certain.
	e.lapse()
	e.begin("gw1")
	e.same([]bool{true, false}, e.away(both, "bob"))

	e.must(e.DropRoutes(e.Context(), "gw1", []Route{{User: e.user("ann"), Device: "phone", Epoch: 100}}))
	e.same([]bool{true, false}, e.away(both, "ann"))
	e.must(e.EndGateway(e.Context(), "gw1"))
	e.same([]bool{false, false}, e.away(both, "ann"))
}

// The newest connection of a device has the route, whoever renews: the one that was accepted last, whenever it is registered.
func routeEpochs(_ *testing.T, e *engine) {
	ann := e.user("ann")
	begun := func(ago time.Duration) Route {
		return Route{User: ann, Device: "phone", New: true, Epoch: uint64(time.Now().Add(-ago).UnixMicro())}
	}
	renewed := func(epoch uint64) Route { return Route{User: ann, Device: "phone", Epoch: epoch} }
	put := func(reason, instance string, r Route, holder string) uint64 {
		got := e.put(instance, r)
		if got[0].Holder != holder {
			e.Errorf("%s: held by %q before, want %q", reason, got[0].Holder, holder)
		}
		return got[0].Epoch
	}
	is := func(reason string, got, want uint64) {
		if got != want {
			e.Errorf("%s: epoch %d, want %d", reason, got, want)
		}
	}
	first := put("the first has it", "gw1", begun(time.Minute), "")
	is("a renewal changes nothing", put("a renewal", "gw1", renewed(first), ""), first)
	second := put("a newer one takes it and learns from whom", "gw2", begun(30*time.Second), "gw1")
	is("the older one learns that at its next renewal", put("a late renewal", "gw1", renewed(first), "gw2"), 0)
	is("one that was accepted earlier and registered later is the older", put("a late one", "gw1", begun(time.Hour), "gw2"), 0)
	is("and the newest has kept it", put("a renewal", "gw2", renewed(second), ""), second)
	third := put("back again", "gw1", begun(0), "gw2")
	is("and the one that was newest is told so", put("a late renewal", "gw2", renewed(second), "gw1"), 0)
	is("within a gateway the gateway itself decides", put("the same gateway", "gw1", begun(time.Hour), ""), third)
	const exact = 1<<53 - 1
	is("micros are not rounded", put("a renewal", "gw1", renewed(exact), ""), exact)

	e.begin("gw1")
	e.begin("gw2")
	drop := func(instance string, epoch uint64) {
		e.must(e.DropRoutes(e.Context(), instance, []Route{renewed(epoch)}))
	}
	drop("gw2", exact) // another's
	drop("gw1", third) // an older one's
	e.same([]bool{false, true}, e.away([]string{"gw1", "gw2"}, "ann"))
	drop("gw1", exact)
	e.same([]bool{true, true}, e.away([]string{"gw1", "gw2"}, "ann"))

	// An emptied Redis knows no epochs: those of the connections decide.
	e.empty()
	e.same([]Held{{Epoch: 300}}, e.put("gw2", renewed(300)))
	e.same([]Held{{Holder: "gw2"}}, e.put("gw1", renewed(200)))
}

// Routes that Redis has lost are not known; that ends when the gateway has registered all of them again.
func routesAfterEmptying(_ *testing.T, e *engine) {
	ctx, in := e.Context(), []string{"gw1"}
	e.begin("gw1")
	kept, err := e.RenewGateway(ctx, "gw1")
	e.must(err)
	e.same(true, kept)
	e.empty()
	e.same([]bool{false}, e.away(in, "ann"))
	kept, err = e.RenewGateway(ctx, "gw1")
	e.must(err)
	e.same(false, kept)
	e.same([]bool{false}, e.away(in, "ann"))

	// Emptied again while the routes are registered: what was written before that is lost.
	e.must(e.BeginGateway(ctx, "gw1"))
	e.put("gw1", Route{User: e.user("ann"), Device: "phone", Epoch: 1})
	e.empty()
	ok, err := e.FinishGateway(ctx, "gw1")
	e.must(err)
	e.same(false, ok)
	e.same([]bool{false}, e.away(in, "ann"))
	e.begin("gw1")
	e.same([]bool{true}, e.away(in, "ann"))
	ok, err = e.FinishGateway(ctx, "gw1") // without a beginning
	e.must(err)
	e.same(false, ok)
}

func routesOfMany(_ *testing.T, e *engine) {
	const n = 3*routesChunk + 7
	var all []Route
	var names []string
	for i := range n {
		name := fmt.Sprint("user", i)
		names = append(names, name)
		all = append(all, Route{User: e.user(name), Device: "phone", Epoch: uint64(i + 1)})
	}
	e.begin("gw1")
	for i, h := range e.put("gw1", all...) {
		if h.Epoch != uint64(i+1) {
			e.Fatalf("route %d has epoch %d: the answers are not in order", i, h.Epoch)
		}
	}
	for _, name := range names {
		if e.away([]string{"gw1"}, name)[0] {
			e.Fatalf("%s is not registered", name)
		}
	}
	e.must(e.DropRoutes(e.Context(), "gw1", all))
	e.same([]bool{true}, e.away([]string{"gw1"}, names...))
}

func routesOfHostileIDs(_ *testing.T, e *engine) {
	e.begin("gw1")
	e.put("gw1", Route{User: e.user("a#{r0}%"), Device: "{}#%", Epoch: 1}, Route{User: e.user("ann"), Device: "ph one", Epoch: 1})
	e.same([]bool{false}, e.away([]string{"gw1"}, "a#{r0}%"))
	e.same([]bool{false}, e.away([]string{"gw1"}, "ann"))
	for _, r := range []Route{{User: e.user("ann"), Device: "a\tb"}, {User: e.user("ann"), Device: "a\nb"}, {User: e.user("ann")}} {
		if _, err := e.PutRoutes(e.Context(), "gw1", []Route{r}); err == nil {
			e.Errorf("device %q is taken: it would be another line", r.Device)
		}
	}
	if _, err := e.PutRoutes(e.Context(), "gw\t1", nil); err == nil {
		e.Error("a gateway's name with a tab is taken")
	}
}

func presence(_ *testing.T, e *engine) {
	ctx, ann := e.Context(), e.user("ann")
	ask := func() Presence {
		e.Helper()
		got, err := e.Presence(ctx, []store.User{e.user("nobody"), ann})
		e.must(err)
		return got[1]
	}
	same := func(reason string, want Presence) {
		e.Helper()
		want.User = ann
		if diff := cmp.Diff(want, ask(), cmp.AllowUnexported(store.User{}), cmpopts.EquateApproxTime(time.Minute)); diff != "" {
			e.Fatalf("%s, -want +got:\n%s", reason, diff)
		}
	}
	now := time.Now()
	same("nothing is there", Presence{})
	e.begin("gw1")
	_, err := e.RenewGateway(ctx, "gw1")
	e.must(err)
	same("a young generation: not everybody is registered yet", Presence{})
	e.put("gw1", Route{User: ann, Device: "phone", Epoch: 1}, Route{User: ann, Device: "tablet", Epoch: 1})
	same("who is there is there", Presence{Known: true, Online: true})
	age := strings.TrimSpace(fmt.Sprint(now.Add(-time.Hour).UnixMilli()))
	for shard := range e.shards {
		e.must(e.redis.Set(ctx, e.generationKey(shard), age, time.Hour).Err())
	}
	e.must(e.DropRoutes(ctx, "gw1", []Route{{User: ann, Device: "phone", Epoch: 1}}))
	same("one device is enough", Presence{Known: true, Online: true})
	e.lapse()
	same("a gateway that died: the last renewal", Presence{Known: true, LastSeen: now})
	e.begin("gw1")
	e.must(e.DropRoutes(ctx, "gw1", []Route{{User: ann, Device: "tablet", Epoch: 1}}))
	same("gone in good order", Presence{Known: true, LastSeen: now})
	e.empty()
	same("emptied", Presence{})
}

// A gateway that died leaves routes: they go when the user comes again, and what they say of when the user was seen stays.
func TestStaleRoutesAreForgotten(t *testing.T) {
	m, c := mini(t)
	e := &engine{T: t, Cache: c, tenant: "t"}
	ann := e.user("ann")
	old := time.Now().Add(-2 * routeStale)
	e.must(m.Set(c.routeKey(ann), fmt.Sprintf("5\ntablet\tgw0\t9\t%d\nlaptop\tgw0\t9\t%d", old.UnixMilli(), time.Now().UnixMilli())))
	e.put("gw1", Route{User: ann, Device: "phone", Epoch: 1})
	value, err := m.Get(c.routeKey(ann))
	e.must(err)
	seen, got := parseRoutes(value)
	var devices []string
	for _, r := range got {
		devices = append(devices, r.device)
	}
	e.same([]string{"laptop", "phone"}, devices)
	e.same(old.UnixMilli(), seen)
}

// In cluster mode whatever one command or script touches is in one slot, and a lookup takes a bounded number of commands.
func TestRoutesShareFewTags(t *testing.T) {
	e := &engine{T: t, Cache: New(nil, Options{KeyPrefix: "p:"}), tenant: "t"}
	e.shards = clusterShards
	tags := map[string]bool{}
	for i := range 1000 {
		u := e.user(fmt.Sprint("{user}#", i))
		tag := tagOf(e.routeKey(u))
		tags[tag] = true
		for _, key := range []string{e.gatewayKey(e.shard(u), "g{}w"), e.registeringKey(e.shard(u), "g{}w"), e.generationKey(e.shard(u))} {
			if tagOf(key) != tag {
				t.Fatalf("%q is not in the slot of %q", key, e.routeKey(u))
			}
		}
	}
	if len(tags) != clusterShards {
		t.Errorf("1000 users have %d tags, want %d", len(tags), clusterShards)
	}
}

// A lookup costs as many commands for a large group as for a small one.
func TestALookupDoesNotGrowWithTheGroup(t *testing.T) {
	m, c := mini(t)
	e := &engine{T: t, Cache: c, tenant: "t"}
	e.begin("gw1")
	var group []store.User
	for i := range 64 {
		group = append(group, e.user(fmt.Sprint("user", i)))
	}
	cost := func(users []store.User) int {
		t.Helper()
		before := m.CommandCount()
		_, err := c.Away(t.Context(), []string{"gw1", "gw2"}, [][]store.User{users})
		e.must(err)
		return m.CommandCount() - before
	}
	if small, large := cost(group[:2]), cost(group); small != 1 || large != 1 {
		t.Errorf("%d commands for 2 members, %d for 64; want 1 and 1", small, large)
	}
}

func FuzzParseRoutes(f *testing.F) {
	for _, s := range []string{"", "5", "5\nphone\tgw1\t7\t8", "x\n\t\t\t\n", "5\na\tb\tc\td\nphone\tgw1\t7\t8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		seen, all := parseRoutes(s)
		if seen < 0 {
			t.Errorf("seen %d", seen)
		}
		for _, r := range all {
			if strings.ContainsAny(r.device+r.instance, "\t\n") {
				t.Errorf("%+v has a separator in it", r)
			}
		}
	})
}

// A gateway whose clock is minutes off takes part by the clock of Redis; one that is off by less is believed.
func TestAClockThatIsOffOrdersNoConnections(t *testing.T) {
	for _, tc := range []struct {
		reason string
		ahead  time.Duration // Redis is, of the gateway that asks
		want   bool          // the epoch is as given
	}{
		{"the clocks are alike", 0, true},
		{"what a call may take is no difference", 500 * time.Millisecond, true},
		{"the gateway is behind", time.Hour, false},
		{"the gateway is ahead", -time.Hour, false},
	} {
		m, c := mini(t)
		ann, err := store.NewUser("t", "ann")
		if err != nil {
			t.Fatal(err)
		}
		m.SetTime(time.Now().Add(tc.ahead))
		epoch := uint64(time.Now().Add(-time.Minute).UnixMicro())
		held, err := c.PutRoutes(t.Context(), "gw1", []Route{{User: ann, Device: "phone", Epoch: epoch, New: true}})
		if err != nil {
			t.Fatal(err)
		}
		off := time.Duration(int64(held[0].Epoch)-int64(epoch)) * time.Microsecond
		if tc.want && off != 0 || !tc.want && (off-tc.ahead).Abs() > 10*time.Second {
			t.Errorf("%s: the epoch is moved by %v", tc.reason, off)
		}
	}
}
