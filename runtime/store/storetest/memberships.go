package storetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Marks only rise, each for itself.
func marks(_ *testing.T, w *world) {
	ctx, c, ann := w.Context(), w.conv("c"), w.user("ann")
	w.create(c, "ann", "bob")
	hostile := "tab.let #1 [0]"
	want := store.Membership{Conv: c, Joined: 1, Delivered: map[string]uint64{}}
	for _, tc := range []struct {
		raise func() error
		want  func()
	}{
		{func() error { return w.RaiseDelivered(ctx, ann, c, "phone", 5) }, func() { want.Delivered["phone"] = 5 }},
		{func() error { return w.RaiseDelivered(ctx, ann, c, "phone", 3) }, func() {}},
		{func() error { return w.RaiseDelivered(ctx, ann, c, hostile, 4) }, func() { want.Delivered[hostile] = 4 }},
		{func() error { return w.RaiseDelivered(ctx, ann, c, hostile, 6) }, func() { want.Delivered[hostile] = 6 }},
		{func() error { return w.RaiseRead(ctx, ann, c, 4) }, func() { want.Read = 4 }},
		{func() error { return w.RaiseRead(ctx, ann, c, 2) }, func() {}},
		{func() error { return w.RaiseRead(ctx, ann, c, 4) }, func() {}},
		{func() error { return w.RaisePushed(ctx, ann, c, 7) }, func() { want.Pushed = 7 }},
		{func() error { return w.RaisePushed(ctx, ann, c, 6) }, func() {}},
		{func() error { return w.RaiseRead(ctx, ann, c, 1<<53+1) }, func() { want.Read = 1<<53 + 1 }},
	} {
		w.must(tc.raise())
		tc.want()
		got, err := w.Membership(ctx, ann, c)
		w.must(err)
		w.same(want, got)
	}
	got, err := w.Membership(ctx, w.user("bob"), c)
	w.must(err)
	w.same(store.Membership{Conv: c, Joined: 1, Delivered: map[string]uint64{}}, got)
}

func marksConcurrent(t *testing.T, w *world) {
	const highest = 40
	ctx, c, ann := w.Context(), w.conv("c"), w.user("ann")
	w.create(c, "ann")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range uint64(highest) {
				seq := (n*7+uint64(i)*11)%highest + 1
				for _, err := range []error{
					w.RaiseDelivered(ctx, ann, c, name(i%2), seq), w.RaiseRead(ctx, ann, c, seq), w.RaisePushed(ctx, ann, c, seq),
				} {
					if err != nil {
						t.Errorf("raise to %d: %v", seq, err)
					}
				}
			}
		})
	}
	wg.Wait()
	got, err := w.Membership(ctx, ann, c)
	w.must(err)
	w.same(store.Membership{
		Conv: c, Joined: 1, Delivered: map[string]uint64{name(0): highest, name(1): highest}, Read: highest, Pushed: highest,
	}, got)
}

// A mark never makes a membership.
func marksWithoutMembership(t *testing.T, w *world) {
	ctx, c, eve := w.Context(), w.conv("c"), w.user("eve")
	w.create(c, "ann")
	for name, err := range map[string]error{
		"delivered": w.RaiseDelivered(ctx, eve, c, "phone", 1),
		"read":      w.RaiseRead(ctx, eve, c, 1),
		"pushed":    w.RaisePushed(ctx, eve, c, 1),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	if _, err := w.Membership(ctx, eve, c); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Membership: %v, want ErrNotFound", err)
	}
	if got, err := w.Memberships(ctx, eve); err != nil || len(got) != 0 {
		t.Errorf("Memberships = %v, %v; want none", got, err)
	}
	if err := w.RaiseDelivered(ctx, w.user("ann"), c, "", 1); !errors.Is(err, store.ErrInvalidID) {
		t.Errorf("a device without a name: %v, want ErrInvalidID", err)
	}
}

func manyMemberships(_ *testing.T, w *world) {
	const many = 120
	ctx, ann := w.Context(), w.user("ann")
	want := make([]store.Membership, 0, many)
	for i := range many {
		c := w.conv(name(i))
		w.create(c, "ann")
		m := store.Membership{Conv: c, Joined: 1, Delivered: map[string]uint64{}}
		if i%3 == 0 {
			w.must(w.ChangeMembers(ctx, c, batch(2, 1), []store.MemberChange{{User: ann, Left: 2}}, store.AppendOptions{}))
			m.Left = 2
		}
		want = append(want, m)
	}
	got, err := w.Memberships(ctx, ann)
	w.must(err)
	w.same(want, got)
}
