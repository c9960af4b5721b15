//go:build engines

package readmodel

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestMarks(t *testing.T) {
	ctx, m := deadline(t), migrated(t)
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	w := NewWriter(m, readmodeltest.NewSource(l))
	mark := func(user string, seq uint64) {
		t.Helper()
		if err := w.ApplyMarks(ctx, []Mark{{l.User(user), l.Conv, seq}, {l.User(user), l.Conv, seq / 2}}); err != nil {
			t.Fatal(err)
		}
	}
	mark("bob", 3) // before the log's records: marks are another topic
	if places, err := m.Places(ctx, l.User("bob")); err != nil || len(places) != 0 {
		t.Fatalf("a mark alone makes no member: %v, %v", places, err)
	}
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	l.Batch(readmodeltest.Say("ann", "1"), readmodeltest.Say("ann", "2"), readmodeltest.Say("ann", "3"))
	apply(t, w, records(l)...)
	for _, tc := range []struct {
		raise, want, count uint64
		reason             string
	}{
		{0, 3, 2, "the early mark has waited"},
		{2, 3, 2, "marks only rise"},
		{4, 4, 3, "a higher one counts"},
		{1 << 63, maxSeq, 3, "beyond the head there is nothing more to count"},
	} {
		mark("bob", tc.raise)
		places, err := m.Places(ctx, l.User("bob"))
		if err != nil || len(places) != 1 {
			t.Fatalf("places: %v, %v", places, err)
		}
		if p := places[0]; p.Read != tc.want || p.ReadCount != tc.count {
			t.Errorf("after %d: read %d, count %d; want %d, %d: %s", tc.raise, p.Read, p.ReadCount, tc.want, tc.count, tc.reason)
		}
	}
}

func TestTailsAreOwedUntilRaised(t *testing.T) {
	ctx, m := deadline(t), migrated(t)
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann"), readmodeltest.Say("ann", "1"))
	w := NewWriter(m, readmodeltest.NewSource(l))
	apply(t, w, records(l)...)
	claim := func(want ...Tail) {
		t.Helper()
		got, err := w.ClaimTails(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(store.Conv{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("claimed (-want +got):\n%s", diff)
		}
	}
	first := Tail{l.Conv, 2, 1}
	claim() // at most once a minute
	due(t, m)
	claim(first)
	claim() // claimed
	due(t, m)
	claim(first) // who claimed it died
	apply(t, w, Record{l.Conv, l.Kind, l.Batch(readmodeltest.Say("ann", "2"))})
	if err := w.TailRaised(ctx, first); err != nil {
		t.Fatal(err)
	}
	due(t, m)
	second := Tail{l.Conv, 3, 2}
	claim(second) // more was applied meanwhile
	if err := w.TailRaised(ctx, second); err != nil {
		t.Fatal(err)
	}
	due(t, m)
	claim()
}
