package history_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestAroundIsForWhoIsNoMember(t *testing.T) {
	l := build(t, rand.New(rand.NewPCG(1, 2)), 60)
	l.Batch(readmodeltest.Judge("spam", 40, "hide", 0))
	hot := &fakeHot{Source: readmodeltest.NewSource(l), tail: l.Head()}
	hot.Lost = func(_ store.Conv, first uint64) bool { return first < 35 } // those are the read model's alone
	r := history.NewReader(hot, holds(l, l.Head()))
	for name, tc := range map[string]struct {
		reason   string
		seq      uint64
		side     int
		from, to uint64
	}{
		"Middle":  {"as many before as after, of the store and the read model", 38, 5, 33, 43},
		"Alone":   {"nothing beside it", 40, 0, 40, 40},
		"Start":   {"there is nothing before the first", 2, 5, 1, 7},
		"End":     {"nor after the last", l.Head(), 3, l.Head() - 3, l.Head()},
		"Beyond":  {"what is not there has no surroundings", l.Head() + 50, 3, 0, 0},
		"Nothing": {"seqs begin with 1", 0, 3, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			entries, err := r.Around(t.Context(), l.Conv, tc.seq, tc.side)
			if err != nil {
				t.Fatal(err)
			}
			var want, got []uint64
			for seq := tc.from; seq <= tc.to && seq > 0; seq++ {
				want = append(want, seq)
			}
			for _, e := range entries {
				got = append(got, e.GetSeq())
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, d)
			}
		})
	}
	entries, err := r.Around(t.Context(), l.Conv, 40, 50)
	if err != nil {
		t.Fatal(err)
	}
	var judged *logpb.Message
	for _, e := range entries {
		if e.GetSeq() == 40 {
			judged = e.GetMessage()
		}
	}
	if judged.GetVerdict().GetAction() != "hide" || judged.GetBody() == "" {
		t.Errorf("it says what holds, and covers nothing: %v", judged)
	}
	unknown, err := store.NewConv("acme", "nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := r.Around(t.Context(), unknown, 1, 3); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// What has outlived the read model's retention is gone, and no error.
func TestAroundStopsWhereTheRetentionDoes(t *testing.T) {
	l := build(t, rand.New(rand.NewPCG(3, 4)), 60)
	hot := &fakeHot{Source: readmodeltest.NewSource(l), tail: l.Head(), expired: func(uint64) bool { return true }}
	whole := holds(l, l.Head())
	r := history.NewReader(hot, fakeCold(func(ctx context.Context, c store.Conv, from, to uint64) ([]*logpb.Entry, error) {
		return whole(ctx, c, max(from, 30), to)
	}))
	entries, err := r.Around(t.Context(), l.Conv, 32, 10)
	if err != nil || len(entries) == 0 || entries[0].GetSeq() != 30 {
		t.Errorf("%v, %v", entries, err)
	}
	if entries, err := r.Around(t.Context(), l.Conv, 10, 3); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}
