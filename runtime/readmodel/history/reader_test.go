package history_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

type fakeHot struct {
	*readmodeltest.Source
	member  store.Membership
	tail    uint64
	expired func(first uint64) bool
	reads   func()
}

func (f *fakeHot) Membership(_ context.Context, _ store.User, _ store.Conv) (store.Membership, error) {
	if f.member.Joined == 0 {
		return f.member, store.ErrNotFound
	}
	return f.member, nil
}

func (f *fakeHot) Conversation(ctx context.Context, c store.Conv) (store.Conversation, error) {
	meta, err := f.Source.Conversation(ctx, c)
	meta.Tail = f.tail
	return meta, err
}

func (f *fakeHot) Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error) {
	stored, err := f.Source.Read(ctx, c, from, limit)
	for i := range stored {
		if f.expired != nil && f.expired(store.First(stored[i].Batch)) {
			stored[i].ExpiresAt = time.Now().Add(-time.Hour)
		}
	}
	if f.reads != nil {
		f.reads()
	}
	return stored, err
}

type fakeCold func(ctx context.Context, c store.Conv, from, to uint64) ([]*logpb.Entry, error)

func (f fakeCold) Entries(ctx context.Context, c store.Conv, from, to uint64) ([]*logpb.Entry, error) {
	return f(ctx, c, from, to)
}

func (f fakeCold) First(ctx context.Context, c store.Conv) (uint64, error) {
	entries, err := f(ctx, c, 1, math.MaxInt64)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	return entries[0].GetSeq(), nil
}

// holds is a read model that has the log up to head.
func holds(l *readmodeltest.Log, head uint64) fakeCold {
	return func(_ context.Context, _ store.Conv, from, to uint64) ([]*logpb.Entry, error) {
		var out []*logpb.Entry
		for _, b := range l.Batches {
			for _, e := range b.GetEntries() {
				if e.GetSeq() >= from && e.GetSeq() <= to && e.GetSeq() <= head {
					out = append(out, e)
				}
			}
		}
		return out, nil
	}
}

func build(t *testing.T, rnd *rand.Rand, n uint64) *readmodeltest.Log {
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	for l.Head() < n {
		var entries []*logpb.Entry
		for range min(1+rnd.Uint64N(9), store.BucketEnd(l.Head()+1)-l.Head()) {
			entries = append(entries, readmodeltest.Say("ann", fmt.Sprint("message ", rnd.IntN(1000))))
		}
		l.Batch(entries...)
	}
	return l
}

func ptr(n uint64) *uint64 { return &n }

// pageAll pages through everything, forward or backward, and returns the seqs in order.
func pageAll(t *testing.T, r *history.Reader, l *readmodeltest.Log, limit int, forward bool) []uint64 {
	t.Helper()
	var seqs []uint64
	after, before := ptr(0), ptr(math.MaxUint64)
	for range 10_000 {
		var a, b *uint64
		if forward {
			a = after
		} else {
			b = before
		}
		p, err := r.History(t.Context(), l.User("bob"), l.Conv, a, b, limit)
		if err != nil {
			t.Fatalf("after %d before %d: %v", *after, *before, err)
		}
		if len(p.Entries) > limit {
			t.Fatalf("%d entries, limit %d", len(p.Entries), limit)
		}
		var got []uint64
		for _, e := range p.Entries {
			got = append(got, e.Seq)
		}
		if forward {
			seqs = append(seqs, got...)
		} else {
			seqs = append(got, seqs...)
		}
		if !p.More {
			return seqs
		}
		if len(got) == 0 {
			t.Fatal("there is more, and the page is empty: no client gets on")
		}
		*after, *before = got[len(got)-1], got[0]
	}
	t.Fatal("paging does not end")
	return nil
}

func upTo(from, to uint64) []uint64 {
	var out []uint64
	for s := from; s <= to; s++ {
		out = append(out, s)
	}
	return out
}

func TestSeamless(t *testing.T) {
	for seed, n := range []uint64{280, 310, store.BucketSeqs + 100} {
		rnd := rand.New(rand.NewPCG(uint64(seed), 9))
		l := build(t, rnd, n)
		head := l.Head()
		for _, tc := range []struct {
			name    string
			tail    uint64
			gone    func(first uint64) bool
			expired func(first uint64) bool
			reason  string
		}{
			{"all hot", 0, nil, nil, "a new conversation is only in the store"},
			{"old gone", 200, func(first uint64) bool { return first < 100 }, nil, "TTL has deleted the old"},
			{"old expired", 200, nil, func(first uint64) bool { return first < 100 }, "TTL deletes days late: expired items still show up"},
			{"scattered", 250, func(first uint64) bool { return first < 240 && first%3 == 0 }, func(first uint64) bool { return first < 240 && first%3 == 1 }, "TTL deletes in any order"},
			{"all gone", head, func(uint64) bool { return true }, nil, "an old conversation is only in the read model"},
		} {
			for _, forward := range []bool{true, false} {
				for _, limit := range []int{int(n / 23), 200} {
					t.Run(fmt.Sprintf("%s/seed %d/forward %v/limit %d", tc.name, seed, forward, limit), func(t *testing.T) {
						src := readmodeltest.NewSource(l)
						if tc.gone != nil {
							src.Lost = func(_ store.Conv, first uint64) bool { return tc.gone(first) }
						}
						hot := &fakeHot{Source: src, member: store.Membership{Joined: 1}, tail: tc.tail, expired: tc.expired}
						got := pageAll(t, history.NewReader(hot, holds(l, max(tc.tail, 250))), l, limit, forward)
						if diff := cmp.Diff(upTo(1, head), got); diff != "" {
							t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
						}
					})
				}
			}
		}
	}
}

func TestMembership(t *testing.T) {
	l := build(t, rand.New(rand.NewPCG(4, 4)), 100)
	head := l.Head()
	for _, tc := range []struct {
		name   string
		member store.Membership
		want   []uint64
		reason string
	}{
		{"joined late", store.Membership{Joined: 40}, upTo(40, head), "what was said before is not theirs"},
		{"left", store.Membership{Joined: 10, Left: 60}, upTo(10, 60), "a late device still gets what was sent before the user left"},
		{"came again", store.Membership{Joined: 80, Earlier: []store.Interval{{Joined: 5, Left: 9}, {Joined: 20, Left: 50}}}, append(append(upTo(5, 9), upTo(20, 50)...), upTo(80, head)...), "what was said between the stays is not theirs"},
		{"left again", store.Membership{Joined: 80, Left: 90, Earlier: []store.Interval{{Joined: 5, Left: 9}}}, append(upTo(5, 9), upTo(80, 90)...), "both stays are over"},
		{"adjoining", store.Membership{Joined: 10, Earlier: []store.Interval{{Joined: 5, Left: 9}}}, upTo(5, head), "nothing twice"},
	} {
		for _, forward := range []bool{true, false} {
			for _, limit := range []int{3, 30, 200} {
				hot := &fakeHot{Source: readmodeltest.NewSource(l), member: tc.member}
				got := pageAll(t, history.NewReader(hot, holds(l, 0)), l, limit, forward)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s, forward %v, limit %d: %s (-want +got):\n%s", tc.name, forward, limit, tc.reason, diff)
				}
			}
		}
	}
	hot := &fakeHot{Source: readmodeltest.NewSource(l)}
	if _, err := history.NewReader(hot, holds(l, head)).History(t.Context(), l.User("eve"), l.Conv, ptr(0), nil, 10); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("whoever never was a member: %v, want ErrNotFound", err)
	}
}

func TestEdges(t *testing.T) {
	l := build(t, rand.New(rand.NewPCG(5, 5)), 100)
	head := l.Head()
	for _, tc := range []struct {
		name          string
		after, before *uint64
		limit         int
		want          []uint64
		more          bool
	}{
		{"nothing asked is the newest", nil, nil, 2, []uint64{head - 1, head}, true},
		{"after the head", ptr(head), nil, 2, nil, false},
		{"after everything", ptr(math.MaxUint64), nil, 2, nil, false},
		{"before the first", nil, ptr(1), 2, nil, false},
		{"before nothing", nil, ptr(0), 2, nil, false},
		{"between", ptr(10), ptr(13), 5, []uint64{11, 12}, false},
		{"the first page ends at the bound", ptr(0), nil, int(head), upTo(1, head), false},
		{"default limit", ptr(0), nil, 0, upTo(1, history.DefaultLimit), true},
		{"negative limit", ptr(0), nil, -5, upTo(1, history.DefaultLimit), true},
	} {
		hot := &fakeHot{Source: readmodeltest.NewSource(l), member: store.Membership{Joined: 1}}
		p, err := history.NewReader(hot, holds(l, 0)).History(t.Context(), l.User("bob"), l.Conv, tc.after, tc.before, tc.limit)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		var got []uint64
		for _, e := range p.Entries {
			got = append(got, e.Seq)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || p.More != tc.more {
			t.Errorf("%s: more %v, want %v; seqs (-want +got):\n%s", tc.name, p.More, tc.more, diff)
		}
	}
}

// A hot conversation's history lives without Aurora; an old one says that it cannot be read, and shows no hole.
func TestFailures(t *testing.T) {
	l := build(t, rand.New(rand.NewPCG(6, 6)), 100)
	errBoom := errors.New("boom")
	down := fakeCold(func(context.Context, store.Conv, uint64, uint64) ([]*logpb.Entry, error) { return nil, errBoom })
	for _, tc := range []struct {
		name string
		gone bool
		cold history.Cold
		want error
	}{
		{"hot, read model down", false, down, nil},
		{"old, read model down", true, down, errBoom},
		{"old, read model has not got it", true, holds(l, 0), history.ErrIncomplete},
	} {
		for _, after := range []*uint64{ptr(0), nil} {
			src := readmodeltest.NewSource(l)
			src.Lost = func(_ store.Conv, first uint64) bool { return tc.gone }
			hot := &fakeHot{Source: src, member: store.Membership{Joined: 1}, tail: l.Head()}
			_, err := history.NewReader(hot, tc.cold).History(t.Context(), l.User("bob"), l.Conv, after, nil, 100)
			if !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
			}
		}
	}
}

// Between the store's answer and the tail mark a batch may be appended and the mark pass it.
func TestAppendedMeanwhile(t *testing.T) {
	l := build(t, rand.New(rand.NewPCG(7, 7)), 20)
	head := l.Head()
	hot := &fakeHot{Source: readmodeltest.NewSource(l), member: store.Membership{Joined: 1}, tail: head}
	hot.reads = func() {
		hot.reads = nil
		l.Batch(readmodeltest.Say("ann", "just now"))
		hot.tail = l.Head()
	}
	p, err := history.NewReader(hot, holds(l, head)).History(t.Context(), l.User("bob"), l.Conv, ptr(head), nil, 10)
	if err != nil || len(p.Entries) != 1 || p.Entries[0].Seq != head+1 {
		t.Errorf("got %+v, %v; want the new entry", p.Entries, err)
	}
}
