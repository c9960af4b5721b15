package history_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Nothing has been folded yet, neither in the store nor in the read model: a page shows what it says itself.
func TestAPageFoldsWhatItHas(t *testing.T) {
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	l.Batch(readmodeltest.Say("ann", "one"), readmodeltest.Say("ann", "two"), readmodeltest.Say("ann", "three"))
	l.Batch(readmodeltest.Edit("ann", 2, "one, edited"), readmodeltest.React("bob", 2, "+"))
	l.Batch(readmodeltest.Delete("ann", 3), readmodeltest.Judge("profanity", 4, protocol.ActionMask, 0))
	bodies := func(p protocol.HistoryPage) map[uint64]string {
		got := map[uint64]string{}
		for _, e := range p.Entries {
			got[e.Seq] = e.Body
			if e.Deleted {
				got[e.Seq] += " deleted"
			}
			for _, r := range e.Reactions {
				got[e.Seq] += " " + r.Emoji
			}
		}
		return got
	}
	for _, tc := range []struct {
		name   string
		gone   bool
		after  uint64
		limit  int
		want   map[uint64]string
		reason string
	}{
		{"hot", false, 0, 50, map[uint64]string{1: "", 2: "one, edited +", 3: " deleted", 4: "**ree", 5: "one, edited", 6: "", 7: "", 8: ""}, "an edit shows at once"},
		{"cold", true, 0, 50, map[uint64]string{1: "", 2: "one, edited +", 3: " deleted", 4: "**ree", 5: "one, edited", 6: "", 7: "", 8: ""}, "a page is the same wherever it comes from"},
		{"short", false, 0, 5, map[uint64]string{1: "", 2: "one, edited", 3: "two", 4: "three", 5: "one, edited"}, "later ones are not in the page"},
		{"targets outside", false, 4, 50, map[uint64]string{5: "one, edited", 6: "", 7: "", 8: ""}, "the client has the targets"},
	} {
		src := readmodeltest.NewSource(l)
		src.Lost = func(store.Conv, uint64) bool { return tc.gone }
		hot := &fakeHot{Source: src, member: store.Membership{Joined: 1}, tail: l.Head()}
		p, err := history.NewReader(hot, holds(l, l.Head())).History(t.Context(), l.User("bob"), l.Conv, &tc.after, nil, tc.limit)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if diff := cmp.Diff(tc.want, bodies(p)); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tc.name, tc.reason, diff)
		}
	}
	if body := l.Batches[1].GetEntries()[0].GetMessage().GetBody(); body != "one" {
		t.Errorf("the read model's own entry was changed to %q", body)
	}
}

func TestElidedMessagesComeFromTheReadModel(t *testing.T) {
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	b := l.Batch(readmodeltest.Say("ann", "large"), readmodeltest.Say("ann", "small"))
	whole := holds(l, l.Head())
	kept := proto.CloneOf(b.GetEntries()[0])
	cold := fakeCold(func(ctx context.Context, c store.Conv, from, to uint64) ([]*logpb.Entry, error) {
		if from <= 2 && to >= 2 {
			return []*logpb.Entry{kept}, nil
		}
		return whole(ctx, c, from, to)
	})
	b.GetEntries()[0].Kind = &logpb.Entry_Message{Message: &logpb.Message{Revision: 1, BodyAt: 9, Folded: 9, Elided: true}}
	errBoom := errors.New("boom")
	for _, tc := range []struct {
		name string
		cold history.Cold
		want error
	}{
		{"whole", cold, nil},
		{"down", fakeCold(func(context.Context, store.Conv, uint64, uint64) ([]*logpb.Entry, error) { return nil, errBoom }), errBoom},
		{"not there yet", holds(l, 0), history.ErrIncomplete},
	} {
		hot := &fakeHot{Source: readmodeltest.NewSource(l), member: store.Membership{Joined: 1}}
		p, err := history.NewReader(hot, tc.cold).History(t.Context(), l.User("bob"), l.Conv, ptr(0), nil, 10)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
		if err == nil && (p.Entries[1].Body != "large" || p.Entries[1].Elided || p.Entries[2].Body != "small") {
			t.Errorf("%s: %+v", tc.name, p.Entries)
		}
	}
}

// from is a read model that keeps entries from first on.
func from(l *readmodeltest.Log, first uint64) fakeCold {
	all := holds(l, l.Head())
	return func(ctx context.Context, c store.Conv, lo, hi uint64) ([]*logpb.Entry, error) {
		return all(ctx, c, max(lo, first), hi)
	}
}

// What has outlived its retention, which is longer than the hot one, is the end of the history, from either side.
func TestBeyondTheRetention(t *testing.T) {
	l := build(t, rand.New(rand.NewPCG(8, 8)), 200)
	head := l.Head()
	for _, first := range []uint64{2, 60, 150} {
		for _, forward := range []bool{true, false} {
			for _, limit := range []int{7, 200} {
				src := readmodeltest.NewSource(l)
				src.Lost = func(_ store.Conv, b uint64) bool { return b < 170 }
				hot := &fakeHot{Source: src, member: store.Membership{Joined: 1}, tail: head}
				got := pageAll(t, history.NewReader(hot, from(l, first)), l, limit, forward)
				if diff := cmp.Diff(upTo(first, head), got); diff != "" {
					t.Errorf("kept from %d, forward %v, limit %d (-want +got):\n%s", first, forward, limit, diff)
				}
			}
		}
	}
}

// Whatever is asked for, a page has no hole, nothing that its reader may not see, and is not longer than its limit.
func FuzzHistory(f *testing.F) {
	f.Add(uint64(0), true, uint64(0), false, 50)
	f.Add(uint64(150), true, uint64(20), true, -1)
	f.Add(uint64(1<<63), false, uint64(1<<64-1), true, 201)
	f.Fuzz(func(t *testing.T, after uint64, withAfter bool, before uint64, withBefore bool, limit int) {
		l := build(t, rand.New(rand.NewPCG(9, 9)), 120)
		var a, b *uint64
		if withAfter {
			a = &after
		}
		if withBefore {
			b = &before
		}
		src := readmodeltest.NewSource(l)
		src.Lost = func(_ store.Conv, first uint64) bool { return first < 80 }
		m := store.Membership{Joined: 60, Left: 110, Earlier: []store.Interval{{Joined: 5, Left: 30}}}
		hot := &fakeHot{Source: src, member: m, tail: 90}
		p, err := history.NewReader(hot, from(l, 10)).History(t.Context(), l.User("bob"), l.Conv, a, b, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Entries) > history.MaxLimit || (limit > 0 && len(p.Entries) > limit) {
			t.Fatalf("%d entries, limit %d", len(p.Entries), limit)
		}
		for i, e := range p.Entries {
			if !m.May(e.Seq) || e.Seq < 10 || (a != nil && e.Seq <= after) || (b != nil && e.Seq >= before) {
				t.Fatalf("seq %d is not asked for, or not theirs", e.Seq)
			}
			if i > 0 && e.Seq != p.Entries[i-1].Seq+1 && (p.Entries[i-1].Seq != 30 || e.Seq != 60) {
				t.Fatalf("a hole between %d and %d", p.Entries[i-1].Seq, e.Seq)
			}
		}
	})
}
