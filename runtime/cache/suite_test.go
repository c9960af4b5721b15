package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// engine is a Redis under test: miniredis, or a real one.
type engine struct {
	*testing.T
	*Cache
	// lapse waits, or makes the time pass, until leases that are not renewed have lapsed.
	lapse func()
	// empty forgets everything that the test wrote.
	empty  func()
	tenant store.Tenant
}

// suite is what every Redis must do.
func suite(t *testing.T, open func(*testing.T) *engine) {
	for _, tc := range []struct {
		name string
		test func(*testing.T, *engine)
	}{
		{"Marks", marks},
		{"MarksConcurrent", marksConcurrent},
		{"MarksOfHostileIDs", marksOfHostileIDs},
		{"Lanes", lanes},
		{"LanesAreTakenOnce", lanesAreTakenOnce},
		{"LanesInParts", lanesInParts},
		{"LanesAfterEmptying", lanesAfterEmptying},
		{"LanesStray", lanesStray},
		{"Lists", lists},
		{"ListRaces", listRaces},
		{"Summaries", summaries},
		{"OffersLiveAsLongAsNothingChanged", offers},
		{"ForgetInboxes", forgetInboxes},
		{"Routes", routes},
		{"RouteEpochs", routeEpochs},
		{"RoutesAfterEmptying", routesAfterEmptying},
		{"RoutesOfMany", routesOfMany},
		{"RoutesOfHostileIDs", routesOfHostileIDs},
		{"Presence", presence},
		{"MemberMarks", memberMarks},
		{"PushPlaces", pushPlaces},
		{"Sweeps", sweeps},
		{"Use", use},
		{"ForgetTenant", forgetTenant},
		{"ForgetUser", forgetUser},
		{"ContextEnded", contextEnded},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := open(t)
			e.T, e.tenant = t, store.Tenant("t-"+strings.ToLower(rand.Text()[:8]))
			tc.test(t, e)
		})
	}
}

func (e *engine) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *engine) conv(id string) store.Conv {
	e.Helper()
	c, err := store.NewConv(e.tenant, id)
	e.must(err)
	return c
}

func (e *engine) user(id string) store.User {
	e.Helper()
	u, err := store.NewUser(e.tenant, id)
	e.must(err)
	return u
}

func (e *engine) same(want, got any) {
	e.Helper()
	if d := cmp.Diff(want, got, cmp.AllowUnexported(store.Conv{}, store.User{})); d != "" {
		e.Fatalf("(-want +got):\n%s", d)
	}
}

func marks(_ *testing.T, e *engine) {
	ctx, ann, c, d := e.Context(), e.user("ann"), e.conv("c"), e.conv("d")
	none := Marks{Delivered: map[string]uint64{}}
	got, err := e.Marks(ctx, ann, c, d)
	e.must(err)
	e.same([]Marks{none, none}, got)
	want := Marks{Delivered: map[string]uint64{}}
	for _, tc := range []struct {
		device          string
		delivered, read uint64
		want            func()
	}{
		{"phone", 9, 0, func() { want.Delivered["phone"] = 9 }},
		{"phone", 7, 5, func() { want.Read = 5 }},
		{"phone", 10, 4, func() { want.Delivered["phone"] = 10 }}, // 10 is more than 9, whatever letters say
		{"tablet", 3, 5, func() { want.Delivered["tablet"] = 3 }},
		{"", 8, 6, func() { want.Read = 6 }},
		{"tablet", 0, 0, func() {}},
		{"r", 1, 0, func() { want.Delivered["r"] = 1 }},
		{"phone", 1<<53 + 1, 1<<53 + 1, func() { want.Delivered["phone"], want.Read = 1<<53+1, 1<<53+1 }},
		{"phone", 1 << 53, 1 << 53, func() {}},
	} {
		e.must(e.RaiseMarks(ctx, ann, c, tc.device, tc.delivered, tc.read))
		tc.want()
		got, err := e.Marks(ctx, ann, d, c)
		e.must(err)
		e.same([]Marks{none, want}, got)
	}
	device, err := e.DeviceMarks(ctx, ann, "tablet", []store.Conv{c, d})
	e.must(err)
	e.same([]DeviceMark{{Delivered: 3, Read: want.Read}, {}}, device)
	read, err := e.ReadMarks(ctx, ann, []store.Conv{d, c})
	e.must(err)
	e.same(map[store.Conv]uint64{c: want.Read}, read)
	got, err = e.MemberMarks(ctx, c, []store.User{e.user("bob"), ann})
	e.must(err)
	e.same([]Marks{none, want}, got)
	got, err = e.Marks(ctx, e.user("bob"), c)
	e.must(err)
	e.same([]Marks{none}, got)
	got, err = e.Marks(ctx, ann)
	e.must(err)
	e.same([]Marks{}, got)

	e.empty()
	got, err = e.Marks(ctx, ann, c)
	e.must(err)
	e.same([]Marks{none}, got)
}

func marksConcurrent(t *testing.T, e *engine) {
	const highest = 60
	ctx, ann, c := e.Context(), e.user("ann"), e.conv("c")
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() {
			for n := range uint64(highest) {
				seq := (n*7+i*11)%highest + 1
				if err := e.RaiseMany(ctx, Raise{ann, c, "phone", seq, 0}, Raise{ann, c, "tablet", seq, seq}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := e.Marks(ctx, ann, c)
	e.must(err)
	e.same([]Marks{{Delivered: map[string]uint64{"phone": highest, "tablet": highest}, Read: highest}}, got)
}

func marksOfHostileIDs(_ *testing.T, e *engine) {
	ctx := e.Context()
	ids := []string{"a", "a#b", "a}#b", "{a}", "%", "%23", "a%23b", "#", "d#a", "ä", " "}
	for i, id := range ids {
		for j, c := range ids {
			e.must(e.RaiseMarks(ctx, e.user(id), e.conv(c), id, uint64(100*i+j+1), uint64(100*i+j+1)))
		}
	}
	for i, id := range ids {
		for j, c := range ids {
			got, err := e.Marks(ctx, e.user(id), e.conv(c))
			e.must(err)
			seq := uint64(100*i + j + 1)
			e.same([]Marks{{Delivered: map[string]uint64{id: seq}, Read: seq}}, got)
		}
	}
	other, err := store.NewConv(e.tenant+"-other", "a")
	e.must(err)
	e.must(e.RaiseMarks(ctx, e.user("a"), other, "a", 9999, 9999))
	got, err := e.Marks(ctx, e.user("a"), e.conv("a"), other)
	e.must(err)
	e.same([]Marks{{Delivered: map[string]uint64{"a": 1}, Read: 1}, {Delivered: map[string]uint64{}}}, got)
}

// pod names are the test's own, since all tests of a real Redis may share it.
func (e *engine) pod(name string) string { return string(e.tenant) + "-" + name }

func sorted(lanes []store.Conv) []string {
	ids := make([]string, len(lanes))
	for i, v := range lanes {
		ids[i] = v.ID()
	}
	slices.Sort(ids)
	return ids
}

// registered returns the pod's lanes as Redis has them.
func (e *engine) registered(pod string) []string {
	e.Helper()
	ms, err := e.redis.SMembers(e.Context(), e.lanesKey(e.pod(pod))).Result()
	e.must(err)
	ids := make([]string, 0, len(ms))
	for _, m := range ms {
		v, err := parseMember(m)
		e.must(err)
		ids = append(ids, v.ID())
	}
	slices.Sort(ids)
	return ids
}

func lanes(_ *testing.T, e *engine) {
	ctx := e.Context()
	dead, alive := e.pod("dead"), e.pod("alive")
	e.must(e.Renew(ctx, dead, nil))
	e.must(e.Renew(ctx, alive, nil))
	e.must(e.Register(ctx, dead, e.conv("a"), e.conv("b#{x}"), e.conv("c")))
	e.must(e.Register(ctx, dead, e.conv("a")))
	e.must(e.Unregister(ctx, dead, e.conv("c"), e.conv("never")))
	e.must(e.Register(ctx, dead))
	got, err := e.TakeLapsed(ctx, alive, 10)
	e.must(err)
	e.same([]string{}, sorted(got)) // both are alive
	e.lapse()
	e.must(e.Renew(ctx, alive, nil))
	for _, limit := range []int{0, -1} {
		got, err = e.TakeLapsed(ctx, alive, limit)
		e.must(err)
		e.same([]string{}, sorted(got))
	}
	got, err = e.TakeLapsed(ctx, alive, 10)
	e.must(err)
	e.same([]string{"a", "b#{x}"}, sorted(got))
	e.same([]string{"a", "b#{x}"}, e.registered("alive"))
	e.same([]string{}, e.registered("dead"))

	// The one that took them dies too.
	e.lapse()
	third := e.pod("third")
	e.must(e.Renew(ctx, third, nil))
	got, err = e.TakeLapsed(ctx, third, 10)
	e.must(err)
	e.same([]string{"a", "b#{x}"}, sorted(got))
	for range 3 { // nothing is left, and the dead are forgotten
		got, err = e.TakeLapsed(ctx, third, 10)
		e.must(err)
		e.same([]string{}, sorted(got))
	}
	pods, err := e.redis.SMembers(ctx, e.podsKey()).Result()
	e.must(err)
	if slices.Contains(pods, dead) || slices.Contains(pods, alive) || !slices.Contains(pods, third) {
		e.Errorf("pods are %v", pods)
	}
}

func lanesAreTakenOnce(t *testing.T, e *engine) {
	const many, takers = 60, 4
	ctx, dead := e.Context(), e.pod("dead")
	var all []store.Conv
	for i := range many {
		all = append(all, e.conv(fmt.Sprintf("c%03d", i)))
	}
	e.must(e.Renew(ctx, dead, all))
	e.lapse()
	var mu sync.Mutex
	var taken []store.Conv
	var wg sync.WaitGroup
	for i := range takers {
		wg.Go(func() {
			pod := e.pod(fmt.Sprint("taker", i))
			for range 2 * many {
				if err := e.Renew(ctx, pod, nil); err != nil {
					t.Error(err)
				}
				got, err := e.TakeLapsed(ctx, pod, 3)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				taken = append(taken, got...)
				done := len(taken) >= many
				mu.Unlock()
				if done {
					return
				}
			}
		})
	}
	wg.Wait()
	e.same(sorted(all), sorted(taken))
}

// A pod with more lanes than one command takes registers them all, and a taker takes them in parts.
func lanesInParts(_ *testing.T, e *engine) {
	ctx, dead, alive := e.Context(), e.pod("dead"), e.pod("alive")
	var all []store.Conv
	for i := range 2*lanesChunk + 1 {
		all = append(all, e.conv(fmt.Sprintf("c%05d", i)))
	}
	e.must(e.Renew(ctx, dead, all))
	if n := len(e.registered("dead")); n != len(all) {
		e.Fatalf("%d lanes are registered, want %d", n, len(all))
	}
	e.lapse()
	var taken []store.Conv
	for len(taken) < len(all) {
		e.must(e.Renew(ctx, alive, taken))
		got, err := e.TakeLapsed(ctx, alive, lanesChunk)
		e.must(err)
		if len(got) == 0 || len(got) > lanesChunk {
			e.Fatalf("took %d lanes with limit %d after %d of %d", len(got), lanesChunk, len(taken), len(all))
		}
		taken = append(taken, got...)
	}
	e.same(sorted(all), sorted(taken))
	e.same(sorted(all), e.registered("alive"))
}

func lanesAfterEmptying(_ *testing.T, e *engine) {
	ctx, dead, alive := e.Context(), e.pod("dead"), e.pod("alive")
	mine := []store.Conv{e.conv("a"), e.conv("b")}
	e.must(e.Renew(ctx, dead, mine))
	e.empty()
	got, err := e.TakeLapsed(ctx, alive, 10)
	e.must(err)
	e.same([]string{}, sorted(got))
	e.must(e.Renew(ctx, dead, mine))
	e.lapse()
	got, err = e.TakeLapsed(ctx, alive, 10)
	e.must(err)
	e.same([]string{"a", "b"}, sorted(got))
}

// A pod that was thought dead takes its lanes back with its next renewal, and one whose changes got lost is corrected.
func lanesStray(_ *testing.T, e *engine) {
	ctx, slow, alive := e.Context(), e.pod("slow"), e.pod("alive")
	mine := []store.Conv{e.conv("a"), e.conv("b")}
	e.must(e.Renew(ctx, slow, mine))
	e.lapse()
	got, err := e.TakeLapsed(ctx, alive, 10)
	e.must(err)
	e.same([]string{"a", "b"}, sorted(got))
	e.must(e.Renew(ctx, slow, mine))
	e.same([]string{"a", "b"}, e.registered("slow"))
	e.must(e.Register(ctx, slow, e.conv("closed, but nobody said so")))
	e.must(e.Renew(ctx, slow, mine))
	e.same([]string{"a", "b"}, e.registered("slow"))
	e.must(e.replaceLanes(ctx, slow, []store.Conv{e.conv("b"), e.conv("c")}))
	e.same([]string{"b", "c"}, e.registered("slow"))
}

func lists(_ *testing.T, e *engine) {
	ctx, ann := e.Context(), e.user("ann")
	if got, ok, err := e.List(ctx, ann); ok || err != nil {
		e.Fatalf("List = %v, %v, %v; want nothing", got, ok, err)
	}
	for _, want := range [][]string{{"a", "b#1", `{"c":"ü"}`}, {}} {
		v, err := e.ListVersion(ctx, ann)
		e.must(err)
		e.quietFor(e.listQuietKey(ann), time.Hour)
		e.must(e.PutList(ctx, ann, want, v))
		got, ok, err := e.List(ctx, ann)
		e.must(err)
		if !ok {
			e.Fatal("the list is not there")
		}
		e.same(want, got)
	}
	if _, ok, err := e.List(ctx, e.user("bob")); ok || err != nil {
		e.Errorf("bob has ann's list: %v", err)
	}
	e.must(e.DropList(ctx, ann, e.user("bob")))
	e.must(e.DropList(ctx))
	if _, ok, err := e.List(ctx, ann); ok || err != nil {
		e.Errorf("the list is still there after DropList: %v", err)
	}
}

// A list that was read before a change is never stored after it.
func listRaces(_ *testing.T, e *engine) {
	ctx := e.Context()
	for i, tc := range []struct {
		reason  string
		between func(store.User)
		stored  bool
	}{
		{"nothing happened", func(store.User) {}, true},
		{"another reader came", func(u store.User) { _, err := e.ListVersion(ctx, u); e.must(err) }, true},
		{"a change came", func(u store.User) { e.must(e.DropList(ctx, u)) }, false},
		{"Redis was emptied", func(store.User) { e.empty() }, false},
		{"Redis was emptied and another reader came", func(u store.User) {
			e.empty()
			_, err := e.ListVersion(ctx, u)
			e.must(err)
		}, false},
	} {
		u := e.user(fmt.Sprint("u", i))
		v, err := e.ListVersion(ctx, u)
		e.must(err)
		if v == "" {
			e.Fatal("no version")
		}
		e.quietFor(e.listQuietKey(u), time.Hour)
		tc.between(u)
		e.must(e.PutList(ctx, u, []string{"old"}, v))
		if _, ok, err := e.List(ctx, u); ok != tc.stored || err != nil {
			e.Errorf("%s: stored = %v, %v; want %v", tc.reason, ok, err, tc.stored)
		}
	}
}

// quietFor has the quiet key be that old.
func (e *engine) quietFor(key string, d time.Duration) {
	e.Helper()
	if ok, err := e.redis.PExpire(e.Context(), key, quietTTL-d).Result(); err != nil || !ok {
		e.Fatalf("no quiet key: %v", err)
	}
}

// A reader's put may be of a replica that lags, and whoever would have told may be gone with an emptied Redis: it lives for as
// long as nothing is known to have changed, so what is wrong does not last.
func offers(_ *testing.T, e *engine) {
	ctx, u, c := e.Context(), e.user("ann"), e.conv("c")
	list := func() {
		v, err := e.ListVersion(ctx, u)
		e.must(err)
		e.must(e.PutList(ctx, u, []string{"old"}, v))
	}
	summary := func() { e.must(e.OfferSummaries(ctx, []Summary{{c, 1, []byte("old")}})) }
	for _, kind := range []struct {
		name       string
		offer      func()
		key, quiet string
	}{
		{"list", list, e.listKey(u), e.listQuietKey(u)},
		{"summary", summary, e.summaryKey(c), e.summaryQuietKey(c)},
	} {
		for _, tc := range []struct {
			reason string
			quiet  time.Duration
			least  time.Duration
			most   time.Duration
		}{
			{"Redis has just been emptied", 0, 0, 0},
			{"a moment ago", quietMin / 2, 0, 0},
			{"a minute ago", time.Minute, 50 * time.Second, 70 * time.Second},
			{"long ago", 100 * time.Minute, inboxTTL - time.Second, inboxTTL + inboxTTL/6},
		} {
			e.empty()
			kind.offer()
			if tc.quiet > 0 {
				e.quietFor(kind.quiet, tc.quiet)
				kind.offer()
			}
			ttl, err := e.redis.PTTL(ctx, kind.key).Result()
			e.must(err)
			if ttl = max(ttl, 0); ttl < tc.least || ttl > tc.most {
				e.Errorf("%s, %s: it lives for %v, want %v to %v", kind.name, tc.reason, ttl, tc.least, tc.most)
			}
		}
	}

	// A change begins anew.
	list()
	e.quietFor(e.listQuietKey(u), time.Hour)
	e.must(e.DropList(ctx, u))
	list()
	if _, ok, err := e.List(ctx, u); ok || err != nil {
		e.Errorf("a list is stored right after a drop: %v", err)
	}
	e.quietFor(e.summaryQuietKey(c), time.Hour)
	e.must(e.PutSummaries(ctx, []Summary{{c, 2, []byte("new")}}))
	e.must(e.redis.Del(ctx, e.summaryKey(c)).Err()) // evicted
	summary()
	got, err := e.Summaries(ctx, []store.Conv{c})
	e.must(err)
	e.same([][]byte{nil}, got)

	// What is newer, or the same, stays as it is.
	e.must(e.PutSummaries(ctx, []Summary{{c, 2, []byte("new")}}))
	e.quietFor(e.summaryQuietKey(c), time.Minute)
	e.must(e.OfferSummaries(ctx, []Summary{{c, 1, []byte("old")}}))
	e.must(e.OfferSummaries(ctx, []Summary{{c, 2, []byte("same")}}))
	got, err = e.Summaries(ctx, []store.Conv{c})
	e.must(err)
	e.same([][]byte{[]byte("new")}, got)
	e.must(e.OfferSummaries(ctx, []Summary{{c, 3, []byte("newer")}}))
	got, err = e.Summaries(ctx, []store.Conv{c})
	e.must(err)
	e.same([][]byte{[]byte("newer")}, got)
}

func summaries(_ *testing.T, e *engine) {
	ctx, a, b := e.Context(), e.conv("a"), e.conv("b")
	for _, tc := range []struct {
		reason string
		put    []Summary
		a, b   string
	}{
		{"nothing yet", nil, "", ""},
		{"the first", []Summary{{a, 9, []byte("a9")}}, "a9", ""},
		{"an older one comes late", []Summary{{a, 8, []byte("a8")}, {b, 1, []byte("b1")}}, "a9", "b1"},
		{"10 is more than 9", []Summary{{a, 10, []byte("a10")}}, "a10", "b1"},
		{"the same again", []Summary{{a, 10, []byte("a10'")}}, "a10'", "b1"},
		{"beyond what Lua counts", []Summary{{b, 1<<53 + 1, []byte("high")}, {b, 1 << 53, []byte("low")}}, "a10'", "high"},
	} {
		e.must(e.PutSummaries(ctx, tc.put))
		got, err := e.Summaries(ctx, []store.Conv{b, e.conv("none"), a})
		e.must(err)
		want := [][]byte{[]byte(tc.b), nil, []byte(tc.a)}
		for i := range want {
			if len(want[i]) == 0 {
				want[i] = nil
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			e.Errorf("%s (-want +got):\n%s", tc.reason, d)
		}
	}
	e.empty()
	got, err := e.Summaries(ctx, []store.Conv{a})
	e.must(err)
	e.same([][]byte{nil}, got)
}

func contextEnded(t *testing.T, e *engine) {
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	u, c := e.user("ann"), e.conv("c")
	discard := func(_ any, err error) error { return err }
	_, _, listErr := e.List(ctx, u)
	for name, err := range map[string]error{
		"Ping":           e.Ping(ctx),
		"RaiseMarks":     e.RaiseMarks(ctx, u, c, "phone", 1, 1),
		"Marks":          discard(e.Marks(ctx, u, c)),
		"DeviceMarks":    discard(e.DeviceMarks(ctx, u, "phone", []store.Conv{c})),
		"ReadMarks":      discard(e.ReadMarks(ctx, u, []store.Conv{c})),
		"Renew":          e.Renew(ctx, "p", nil),
		"Register":       e.Register(ctx, "p", c),
		"Unregister":     e.Unregister(ctx, "p", c),
		"TakeLapsed":     discard(e.TakeLapsed(ctx, "p", 1)),
		"List":           listErr,
		"ListVersion":    discard(e.ListVersion(ctx, u)),
		"PutList":        e.PutList(ctx, u, nil, "v"),
		"DropList":       e.DropList(ctx, u),
		"Summaries":      discard(e.Summaries(ctx, []store.Conv{c})),
		"PutSummaries":   e.PutSummaries(ctx, []Summary{{Conv: c}}),
		"OfferSummaries": e.OfferSummaries(ctx, []Summary{{Conv: c}}),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
}

// within waits until the condition holds.
func within(t *testing.T, d time.Duration, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited %v in vain until %s", d, what)
		case <-tick.C:
		}
	}
}
