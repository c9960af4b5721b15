//go:build engines

package readmodel

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestUnreadTotals(t *testing.T) {
	ctx, m := deadline(t), migrated(t)
	one, two := readmodeltest.NewLog(t, "acme", "one", store.Group), readmodeltest.NewLog(t, "acme", "two", store.Group)
	other := readmodeltest.NewLog(t, "other", "one", store.Group)
	w := NewWriter(m, readmodeltest.NewSource(one, two, other))
	for _, l := range []*readmodeltest.Log{one, two, other} {
		l.Batch(readmodeltest.Add("ann", "ann", "bob"))
		l.Batch(readmodeltest.Say("ann", "1"), readmodeltest.Say("ann", "2"), readmodeltest.Say("ann", "3"))
		apply(t, w, records(l)...)
	}
	expect := func(want map[string]int) {
		t.Helper()
		got, err := m.Unread(ctx, "acme", []string{"ann", "bob", "nobody"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("unread totals (-want +got):\n%s", diff)
		}
	}
	expect(map[string]int{"ann": 0, "bob": 6}) // who writes has read it
	if err := w.ApplyMarks(ctx, []Mark{{one.User("bob"), one.Conv, 3}}); err != nil {
		t.Fatal(err)
	}
	expect(map[string]int{"ann": 0, "bob": 4})
}
