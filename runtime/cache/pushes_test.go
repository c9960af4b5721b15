package cache

import (
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

func memberMarks(_ *testing.T, e *engine) {
	ctx, c := e.Context(), e.conv("c")
	e.must(e.RaiseMarks(ctx, e.user("ann"), c, "phone", 7, 3))
	e.must(e.RaiseMarks(ctx, e.user("bob"), c, "laptop", 2, 0))
	stranger, err := store.NewUser(e.tenant+"x", "ann")
	e.must(err)
	got, err := e.MemberMarks(ctx, c, []store.User{e.user("bob"), e.user("nobody"), stranger, e.user("ann")})
	e.must(err)
	none := Marks{Delivered: map[string]uint64{}}
	e.same([]Marks{
		{Delivered: map[string]uint64{"laptop": 2}}, none, none, {Delivered: map[string]uint64{"phone": 7}, Read: 3},
	}, got)
	got, err = e.MemberMarks(ctx, c, nil)
	e.must(err)
	e.same([]Marks{}, got)
}

func pushPlaces(t *testing.T, e *engine) {
	ctx, ann := e.Context(), e.user("ann")
	rate := PushRate{Every: time.Hour, Burst: 2, Horizon: 3 * time.Hour}
	place := func(u store.User, atLeast, atMost time.Duration, want bool) {
		t.Helper()
		wait, reserved, err := e.ReservePush(ctx, u, rate)
		e.must(err)
		if wait < atLeast || wait > atMost || reserved != want {
			t.Errorf("wait %v, reserved %t; want %v to %v, %t", wait, reserved, atLeast, atMost, want)
		}
	}
	// Two at once, then one an hour, but none more than three hours from now.
	const about = time.Minute
	place(ann, 0, 0, true)
	place(ann, 0, 0, true)
	for h := time.Hour; h <= 3*time.Hour; h += time.Hour {
		place(ann, h-about, h, true)
	}
	for range 2 {
		place(ann, 3*time.Hour, 3*time.Hour, false)
	}
	place(e.user("bob"), 0, 0, true) // has places of his own
	e.empty()
	place(ann, 0, 0, true)
}

func sweeps(t *testing.T, e *engine) {
	claim := func(shard, pod string, ttl time.Duration, want bool) {
		t.Helper()
		got, err := e.ClaimSweep(e.Context(), shard, pod, ttl)
		e.must(err)
		if got != want {
			t.Errorf("%s claims %s: %t, want %t", pod, shard, got, want)
		}
	}
	claim("1", "a", time.Hour, true)
	claim("1", "b", time.Hour, false)
	claim("2", "b", time.Hour, true)
	claim("1", "a", time.Hour, true)
	e.empty()
	claim("1", "b", time.Hour, true)
}
