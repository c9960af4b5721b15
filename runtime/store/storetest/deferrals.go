package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

func deferrals(t *testing.T, w *world) {
	ctx, ann, c := w.Context(), w.user("ann"), w.conv("c")
	night := time.UnixMilli(1_700_000_000_123).UTC()
	// A shard is shared with other users, and where the store lives longer than the test, with other tests' users.
	due := func(by time.Time, limit int) (mine []store.Deferral) {
		t.Helper()
		all, err := w.Deferred(ctx, store.DeferralShard(ann), by, limit)
		w.must(err)
		return slices.DeleteFunc(all, func(d store.Deferral) bool { return d.User != ann })
	}
	const all = 1000
	phone := store.Deferral{User: ann, Device: "phone", Conv: c, Due: night, Seq: 5, Reserved: true, Attempts: 2}
	tablet := store.Deferral{User: ann, Device: "tablet", Conv: c, Due: night.Add(-time.Hour), Seq: 5}
	later := store.Deferral{User: ann, Device: "phone", Conv: c, Due: night.Add(time.Millisecond), Seq: 5}
	for _, d := range []store.Deferral{later, phone, tablet} {
		w.must(w.Defer(ctx, d))
	}
	w.same([]store.Deferral{tablet, phone}, due(night, all))
	w.same([]store.Deferral{tablet, phone, later}, due(night.Add(time.Millisecond), all))
	if got := due(night.Add(-2*time.Hour), all); len(got) != 0 {
		t.Errorf("due too early: %v", got)
	}
	if got := due(night, 0); len(got) != 0 {
		t.Errorf("%d within a limit of 0", len(got))
	}
	if got, err := w.Deferred(ctx, store.DeferralShard(ann), night.Add(time.Hour), 1); err != nil || len(got) != 1 {
		t.Errorf("%d, %v within a limit of 1", len(got), err)
	}

	// Again with another seq: it rises, and keeps the rest.
	w.must(w.Defer(ctx, store.Deferral{User: ann, Device: "phone", Conv: c, Due: night, Seq: 4}))
	w.same([]store.Deferral{tablet, phone}, due(night, all))
	w.must(w.Defer(ctx, store.Deferral{User: ann, Device: "phone", Conv: c, Due: night, Seq: 9}))
	raised := phone
	raised.Seq = 9
	w.same([]store.Deferral{tablet, raised}, due(night, all))

	// Who has settled seq 5 does not remove what has risen to 9 meanwhile.
	w.must(w.RemoveDeferral(ctx, phone))
	w.same([]store.Deferral{tablet, raised}, due(night, all))
	for range 2 {
		w.must(w.RemoveDeferral(ctx, raised))
		w.must(w.RemoveDeferral(ctx, tablet))
		if got := due(night, all); len(got) != 0 {
			t.Errorf("removed and still there: %v", got)
		}
	}
	w.same([]store.Deferral{later}, due(night.Add(time.Hour), all))
	w.must(w.RemoveDeferral(ctx, later))
	if devices, err := w.Devices(ctx, ann); err != nil || len(devices) != 0 {
		t.Errorf("a deferral became a device: %v, %v", devices, err)
	}
}

// Ids may be as long as they may be and hold anything: deferrals stay apart and come back as they were.
func hostileDeferrals(_ *testing.T, w *world) {
	ctx, at := w.Context(), time.UnixMilli(1_700_000_000_000).UTC()
	long := strings.Repeat("#", store.MaxIDBytes)
	want := map[store.Deferral]bool{}
	ids := []string{"a", "a#b", "b", "#", long}
	for _, u := range ids {
		for _, device := range ids {
			for _, c := range ids {
				d := store.Deferral{User: w.user(u), Device: device, Conv: w.conv(c), Due: at, Seq: 1}
				w.must(w.Defer(ctx, d))
				want[d] = true
			}
		}
	}
	for shard := range store.DeferralShards {
		got, err := w.Deferred(ctx, shard, at, 1000)
		w.must(err)
		for _, d := range got {
			if d.User.Tenant() != w.tenant {
				continue
			}
			if !want[d] || store.DeferralShard(d.User) != shard {
				w.Errorf("%v in shard %d was not deferred", d, shard)
			}
			delete(want, d)
			w.must(w.RemoveDeferral(ctx, d))
		}
	}
	if len(want) > 0 {
		w.Errorf("%d deferrals are lost", len(want))
	}
}

func deferralsRefused(t *testing.T, w *world) {
	other := &world{T: t, Store: w.Store, tenant: w.tenant + "x"}
	for name, d := range map[string]store.Deferral{
		"of nobody":           {Device: "phone", Conv: w.conv("c")},
		"of no device":        {User: w.user("ann"), Conv: w.conv("c")},
		"about nothing":       {User: w.user("ann"), Device: "phone"},
		"of another's tenant": {User: w.user("ann"), Device: "phone", Conv: other.conv("c")},
		"before all time":     {User: w.user("ann"), Device: "phone", Conv: w.conv("c"), Due: time.UnixMilli(-1)},
	} {
		for call, err := range map[string]error{"Defer": w.Defer(w.Context(), d), "RemoveDeferral": w.RemoveDeferral(w.Context(), d)} {
			if !errors.Is(err, store.ErrInvalid) && !errors.Is(err, store.ErrInvalidID) {
				t.Errorf("%s of a deferral %s: %v, want it refused", call, name, err)
			}
		}
	}
}
