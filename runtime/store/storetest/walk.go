package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// walk finds every conversation of every tenant once, however many members and batches it has, and stops when it is told to.
func walk(t *testing.T, w *world) {
	others := &world{T: t, Store: w.Store, tenant: w.tenant + "#C"}
	var want []string
	for _, one := range []*world{w, others} {
		for _, id := range []string{"c", "c#1", "META"} {
			one.create(one.conv(id), "ann", "bob", "META")
			want = append(want, one.conv(id).String())
		}
	}
	w.append(w.conv("c"), 2, 3)
	var found []string
	w.must(w.EachConversation(w.Context(), func(c store.Conv) error {
		if c.Tenant() == w.tenant || c.Tenant() == others.tenant {
			found = append(found, c.String())
		}
		return nil
	}))
	slices.Sort(want)
	slices.Sort(found)
	if !slices.Equal(found, want) {
		t.Errorf("it walks through %q, want %q", found, want)
	}
	enough := errors.New("enough")
	calls := 0
	err := w.EachConversation(w.Context(), func(store.Conv) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("after an error it goes on for %d calls and returns %v", calls, err)
	}
}
