package cache

import (
	"testing"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Pods learn what others see of a tenant, of the same thing, and nothing of another's tenant.
func use(t *testing.T, e *engine) {
	ctx := e.Context()
	a, b := e.tenant+"#{a}", e.tenant+"#{b}"
	share := func(what, pod string, use map[store.Tenant]int64) map[store.Tenant]Use {
		t.Helper()
		others, err := e.ShareUse(ctx, what, pod, use)
		e.must(err)
		return others
	}
	want := func(reason string, got map[store.Tenant]Use, t1 store.Tenant, want Use) {
		t.Helper()
		if got[t1] != want {
			t.Errorf("%s: %+v, want %+v", reason, got[t1], want)
		}
	}
	want("nobody else is there", share("things", "p1", map[store.Tenant]int64{a: 3}), a, Use{})
	share("things", "p2", map[store.Tenant]int64{a: 4, b: 9})
	share("things", "p3", map[store.Tenant]int64{a: 5})
	share("others", "p3", map[store.Tenant]int64{a: 100})
	got := share("things", "p1", map[store.Tenant]int64{a: 3, b: 0})
	want("two others", got, a, Use{Total: 9, Pods: 2})
	want("one other", got, b, Use{Total: 9, Pods: 1})
	share("things", "p3", map[store.Tenant]int64{a: 0})
	want("who has none is not counted", share("things", "p1", map[store.Tenant]int64{a: 1 << 40}), a, Use{Total: 4, Pods: 1})
	want("large numbers", share("things", "p2", map[store.Tenant]int64{a: 4}), a, Use{Total: 1 << 40, Pods: 1})
	if got := share("things", "p1", nil); len(got) != 0 {
		t.Errorf("asked for nothing: %v", got)
	}
}

// A tenant that is forgotten has no key, and another whose id begins alike keeps all of its.
func forgetTenant(t *testing.T, e *engine) {
	ctx := e.Context()
	write := func(e *engine) {
		u, c := e.user("ann#"), e.conv("c}1")
		version, err := e.ListVersion(ctx, u)
		e.must(err)
		e.must(e.PutList(ctx, u, []string{"c"}, version))
		e.must(e.RaiseMarks(ctx, u, c, "phone", 3, 2))
		e.must(e.PutSummaries(ctx, []Summary{{Conv: c, Seq: 7, Data: []byte("d")}}))
		_, err = e.PutRoutes(ctx, "g1", []Route{{User: u, Device: "phone", Epoch: 1}})
		e.must(err)
		_, err = e.ShareUse(ctx, "things", "p2", map[store.Tenant]int64{e.tenant: 4})
		e.must(err)
	}
	holds := func(e *engine) (kinds string) {
		u, c := e.user("ann#"), e.conv("c}1")
		marks, err := e.Marks(ctx, u, c)
		e.must(err)
		sums, err := e.Summaries(ctx, []store.Conv{c})
		e.must(err)
		routes, err := e.redis.Exists(ctx, e.routeKey(u)).Result()
		e.must(err)
		others, err := e.ShareUse(ctx, "things", "p1", map[store.Tenant]int64{e.tenant: 1})
		e.must(err)
		for kind, there := range map[string]bool{
			"m": marks[0].Read != 0, "s": sums[0] != nil, "r": routes > 0, "u": others[e.tenant].Pods > 0,
		} {
			if there {
				kinds += kind
			}
		}
		return kinds
	}
	other := &engine{T: e.T, Cache: e.Cache, tenant: e.tenant + "#"}
	longer := &engine{T: e.T, Cache: e.Cache, tenant: e.tenant + "x"}
	for _, w := range []*engine{e, other, longer} {
		write(w)
	}
	e.must(e.ForgetTenant(ctx, e.tenant))
	if kinds := holds(e); kinds != "" {
		t.Errorf("of a tenant that was forgotten is left %q", kinds)
	}
	for _, w := range []*engine{other, longer} {
		if kinds := holds(w); len(kinds) != 4 {
			t.Errorf("tenant %q has %q left, want all of it", w.tenant, kinds)
		}
	}
}
