//go:build engines

package readmodel

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var errLost = errors.New("the answer is lost")

// faulty is a store whose folding may stop in the middle, or be done and not say so.
type faulty struct {
	*readmodeltest.Source
	mu  sync.Mutex // several conversations are folded at a time
	rnd *rand.Rand
}

func (f *faulty) Fold(ctx context.Context, c store.Conv, entries []*logpb.Entry) error {
	f.mu.Lock()
	fate, part := f.rnd.IntN(6), f.rnd.IntN(len(entries))
	f.mu.Unlock()
	switch fate {
	case 0:
		return errLost
	case 1:
		return errors.Join(errLost, f.Source.Fold(ctx, c, entries[:part]))
	case 2:
		return errors.Join(errLost, f.Source.Fold(ctx, c, entries))
	}
	return f.Source.Fold(ctx, c, entries)
}

// stored returns all entries that the store has of the conversation.
func stored(t *testing.T, src *readmodeltest.Source, l *readmodeltest.Log) []Record {
	t.Helper()
	found, err := src.Read(t.Context(), l.Conv, 1, len(l.Batches))
	if err != nil || len(found) != len(l.Batches) {
		t.Fatalf("%d of %d batches, %v", len(found), len(l.Batches), err)
	}
	rs := make([]Record, len(found))
	for i, s := range found {
		rs[i] = Record{l.Conv, l.Kind, s.Batch}
	}
	return rs
}

// Records come in any order and size, doubled, never, or as the store has them by now; folding stops in the middle; the model and the store
// end with the same, and that is what the log says.
func TestModelConvergesToTheStore(t *testing.T) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 77))
		logs := readmodeltest.World(t, rnd)
		reference, plain := migrated(t), readmodeltest.NewSource(logs...)
		for _, r := range records(logs...) {
			apply(t, NewWriter(reference, plain), r)
		}
		want := dump(t, reference)
		var wantStored []Record
		for _, l := range logs {
			wantStored = append(wantStored, stored(t, plain, l)...)
			l.Unfold()
		}

		m, src := migrated(t), readmodeltest.NewSource(logs...)
		w := NewWriter(m, &faulty{Source: src, rnd: rand.New(rand.NewPCG(seed, 78))})
		feed := func(rs []Record) {
			for {
				got, err := w.Apply(deadline(t), rs)
				if errors.Is(err, errLost) {
					if rnd.IntN(3) == 0 {
						return // the process died: it all comes again later
					}
					continue
				}
				if err != nil || len(got.Parked) > 0 {
					t.Fatalf("seed %d: parked %v, %v", seed, got.Parked, err)
				}
				return
			}
		}
		published := records(logs...)
		for range 40 {
			some := published
			if rnd.IntN(3) == 0 {
				some = stored(t, src, logs[rnd.IntN(len(logs))]) // published again, from the store
			}
			at := rnd.IntN(len(some))
			chunk := append([]Record(nil), some[at:min(len(some), at+1+rnd.IntN(12))]...)
			if rnd.IntN(3) == 0 {
				rnd.Shuffle(len(chunk), func(i, j int) { chunk[i], chunk[j] = chunk[j], chunk[i] })
			}
			feed(chunk)
		}
		w = NewWriter(m, src)
		apply(t, w, published...)
		if diff := cmp.Diff(want, dump(t, m)); diff != "" {
			t.Fatalf("seed %d: tables differ (-in order +got):\n%s", seed, diff)
		}
		var gotStored []Record
		for _, l := range logs {
			gotStored = append(gotStored, stored(t, src, l)...)
			entries, err := m.Entries(deadline(t), l.Conv, 1, l.Head())
			if err != nil {
				t.Fatal(err)
			}
			var inStore []*logpb.Entry
			for _, r := range stored(t, src, l) {
				inStore = append(inStore, r.Batch.GetEntries()...)
			}
			if diff := cmp.Diff(inStore, entries, protocmp.Transform()); diff != "" {
				t.Fatalf("seed %d: the model differs from the store (-store +model):\n%s", seed, diff)
			}
		}
		if diff := cmp.Diff(wantStored, gotStored, protocmp.Transform(), cmp.AllowUnexported(store.Conv{})); diff != "" {
			t.Fatalf("seed %d: the store differs (-in order +got):\n%s", seed, diff)
		}
	}
}

// The summary shows the last message as it is now.
func TestSummaryFollowsTheLastMessage(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	l.Batch(readmodeltest.Say("ann", "before"), readmodeltest.Say("ann", "hello"))
	w := NewWriter(m, readmodeltest.NewSource(l))
	apply(t, w, records(l)...)
	for _, tc := range []struct {
		entry  *logpb.Entry
		want   string
		reason string
	}{
		{readmodeltest.Edit("ann", 2, "not the last"), "hello", "another message was edited"},
		{readmodeltest.Edit("ann", 3, "hullo"), "hullo", "the last was edited"},
		{readmodeltest.Judge("profanity", 3, "mask", 1), "**llo", "the last was masked"},
		{readmodeltest.Judge("profanity", 3, "none", 1), "hullo", "the verdict was reverted"},
		{readmodeltest.Judge("spam", 3, "hide", 1), "", "the last was hidden"},
		{readmodeltest.Judge("spam", 3, "none", 1), "hullo", "the verdict was reverted"},
		{readmodeltest.Delete("ann", 3), "", "the last was deleted"},
	} {
		b := l.Batch(tc.entry)
		got := apply(t, w, Record{l.Conv, l.Kind, b})
		if p := got.Summaries[0]; p.LastPreview != tc.want || p.LastSender != "ann" || p.Head != l.Head() {
			t.Errorf("%+v, want preview %q: %s", p, tc.want, tc.reason)
		}
		read, err := m.Summaries(deadline(t), "acme", []string{"c"})
		if err != nil || read[0].LastPreview != tc.want {
			t.Errorf("read %+v, %v; want preview %q", read, err, tc.want)
		}
	}
}
