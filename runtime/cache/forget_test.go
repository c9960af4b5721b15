package cache

import (
	"fmt"
	"testing"

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
