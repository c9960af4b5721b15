package cache

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// What was cached of inboxes is gone, what is not of inboxes stays, and who read the database before puts nothing after it.
func forgetInboxes(t *testing.T, e *engine) {
	ctx := e.Context()
	const many = 2500 // more than one look takes
	var sums []Summary
	for i := range many {
		sums = append(sums, Summary{Conv: e.conv(fmt.Sprint("c", i)), Seq: 7, Data: []byte("d")})
	}
	for len(sums) > 0 {
		e.must(e.PutSummaries(ctx, sums[:100]))
		sums = sums[100:]
	}
	ann, c := e.user("ann"), e.conv("c0")
	e.must(e.RaiseMarks(ctx, ann, c, "phone", 3, 2))
	before, err := e.ListVersion(ctx, ann)
	e.must(err)
	e.must(e.ForgetInboxes(ctx))

	for _, id := range []string{"c0", "c1", fmt.Sprint("c", many-1)} {
		got, err := e.Summaries(ctx, []store.Conv{e.conv(id)})
		e.must(err)
		if got[0] != nil {
			t.Errorf("the summary of %s is still there", id)
		}
	}
	marks, err := e.Marks(ctx, ann, c)
	e.must(err)
	if marks[0].Read != 2 || marks[0].Delivered["phone"] != 3 {
		t.Errorf("marks %+v: they are not an inbox's", marks[0])
	}
	e.must(e.PutList(ctx, ann, []string{"old"}, before))
	if _, ok, err := e.List(ctx, ann); err != nil || ok {
		t.Errorf("a list from before is there, %v", err)
	}
	e.must(e.OfferSummaries(ctx, []Summary{{Conv: c, Seq: 6, Data: []byte("old")}}))
	if got, err := e.Summaries(ctx, []store.Conv{c}); err != nil || got[0] != nil {
		t.Errorf("a summary from before is there, %v", err)
	}
}

// Of one user nothing is left, of another everything, and who has read the database before puts no list back.
func forgetUser(t *testing.T, e *engine) {
	ctx := e.Context()
	var convs []store.Conv
	for i := range 1200 {
		convs = append(convs, e.conv(fmt.Sprint("c", i)))
	}
	ann, bob := e.user("ann"), e.user("bob")
	for _, u := range []store.User{ann, bob} {
		var raises []Raise
		for _, c := range convs {
			raises = append(raises, Raise{User: u, Conv: c, Device: "phone", Delivered: 3, Read: 2})
		}
		for some := range slices.Chunk(raises, 100) {
			e.must(e.RaiseMany(ctx, some...))
		}
		_, err := e.PutRoutes(ctx, "gw", []Route{{User: u, Device: "phone", Epoch: 1}})
		e.must(err)
		_, _, err = e.ReservePush(ctx, u, PushRate{Every: time.Minute, Burst: 1, Horizon: time.Hour})
		e.must(err)
	}
	before, err := e.ListVersion(ctx, ann)
	e.must(err)
	for range 2 {
		e.must(e.ForgetUser(ctx, ann, convs))
	}
	e.must(e.PutList(ctx, ann, []string{"old"}, before))
	if _, ok, err := e.List(ctx, ann); err != nil || ok {
		t.Errorf("a list from before is there, %v", err)
	}
	for u, want := range map[store.User]uint64{ann: 0, bob: 2} {
		marks, err := e.Marks(ctx, u, convs[0], convs[1199])
		e.must(err)
		seen, err := e.Presence(ctx, []store.User{u})
		e.must(err)
		if marks[0].Read != want || marks[1].Read != want || seen[0].LastSeen.IsZero() != (u == ann) {
			t.Errorf("%s: marks %+v, presence %+v", u, marks, seen)
		}
		wait, _, err := e.ReservePush(ctx, u, PushRate{Every: time.Minute, Burst: 1, Horizon: time.Hour})
		if err != nil || (wait == 0) != (u == ann) {
			t.Errorf("%s: the next push waits %v, %v", u, wait, err)
		}
	}
}
