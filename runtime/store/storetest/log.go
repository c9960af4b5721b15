package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func appendAndRead(t *testing.T, w *world) {
	c := w.conv("c")
	w.expect(w.read(c, 1, 10))
	a, b := w.append(c, 1, 1), w.append(c, 2, 32)
	d := w.append(c, 34, 5)
	w.expect(w.read(c, 1, 10), a, b, d)
	w.expect(w.read(c, 0, 10), a, b, d)
	w.expect(w.read(c, 39, 10))
	w.expect(w.read(w.conv("other"), 1, 10))
	for _, s := range w.read(c, 1, 10) {
		if s.Outbox || !s.ExpiresAt.IsZero() {
			t.Errorf("a plain batch is stored with outbox %v, expiry %v", s.Outbox, s.ExpiresAt)
		}
	}
}

// A lost race and a lost answer look the same: the key is taken, and who reads it finds out whose batch is there.
func appendTaken(t *testing.T, w *world) {
	c := w.conv("c")
	own := w.append(c, 1, 3)
	for name, b := range map[string]*logpb.Batch{"another batch": batch(1, 1), "the same batch again": own} {
		if err := w.Append(w.Context(), c, b, store.AppendOptions{Outbox: true}); !errors.Is(err, store.ErrTaken) {
			t.Errorf("%s: %v, want ErrTaken", name, err)
		}
	}
	got := w.read(c, 1, 1)
	w.expect(got, own)
	if got[0].Outbox {
		t.Error("a refused append changed the stored batch")
	}
}

func appendInvalid(t *testing.T, w *world) {
	c := w.conv("c")
	gap := batch(1, 2)
	gap.Entries[1].Seq = 3
	for name, b := range map[string]*logpb.Batch{
		"nil": nil, "empty": {Id: []byte("x")}, "from 0": batch(0, 1), "a gap": gap,
		"too many": batch(1, store.MaxBatchEntries+1), "two buckets": batch(store.BucketSeqs, 2),
	} {
		if err := w.Append(w.Context(), c, b, store.AppendOptions{}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	w.expect(w.read(c, 1, 10))
}

// Several appenders believe that they own the conversation: each key is won once, and the log is what the winners wrote.
func appendConcurrent(t *testing.T, w *world) {
	const appenders, keys = 8, 20
	c := w.conv("c")
	var mu sync.Mutex
	won := make(map[uint64]*logpb.Batch)
	var wg sync.WaitGroup
	for range appenders {
		wg.Go(func() {
			for first := uint64(1); first <= keys; first++ {
				b := batch(first, 1)
				err := w.Append(t.Context(), c, b, store.AppendOptions{})
				if errors.Is(err, store.ErrTaken) {
					continue
				}
				if err != nil {
					t.Errorf("append %d: %v", first, err)
					return
				}
				mu.Lock()
				if won[first] != nil {
					t.Errorf("two appenders won %d", first)
				}
				won[first] = b
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var want []*logpb.Batch
	for first := uint64(1); first <= keys; first++ {
		if won[first] == nil {
			t.Fatalf("nobody won %d", first)
		}
		want = append(want, won[first])
	}
	w.expect(w.read(c, 1, keys+1), want...)
}

// A batch at its limit is stored and, with many of its like, read back in pages.
func appendLarge(t *testing.T, w *world) {
	c := w.conv("c")
	var want []*logpb.Batch
	for seq := uint64(1); seq <= 6; seq++ {
		b := batch(seq, 1)
		b.Entries[0].GetMessage().Body = strings.Repeat("x", store.MaxBatchStored-256)
		w.must(w.Append(w.Context(), c, b, store.AppendOptions{}))
		want = append(want, b)
	}
	w.expect(w.read(c, 1, 100), want...)
	b := batch(7, 1)
	b.Entries[0].GetMessage().Body = strings.Repeat("x", store.MaxBatchStored)
	if err := w.Append(w.Context(), c, b, store.AppendOptions{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a batch above the limit: %v, want ErrInvalid", err)
	}
}

func readFromTheMiddle(t *testing.T, w *world) {
	c := w.conv("c")
	a, b := w.append(c, 1, 32), w.append(c, 33, 32)
	var rest []*logpb.Batch
	for seq := uint64(65); seq < 75; seq++ {
		rest = append(rest, w.append(c, seq, 1))
	}
	all := append([]*logpb.Batch{a, b}, rest...)
	for _, tc := range []struct {
		reason string
		from   uint64
		limit  int
		want   []*logpb.Batch
	}{
		{"the first entry of a full batch", 33, 100, all[1:]},
		{"the last entry of a full batch", 64, 100, all[1:]},
		{"the last entry of the first batch", 32, 100, all},
		{"after the full batch", 65, 100, all[2:]},
		{"small batches in the way do not count for the limit", 74, 1, all[11:]},
		{"limit counts from the batch that holds from", 40, 2, all[1:3]},
		{"no limit, no batches", 40, 0, nil},
		{"a negative limit is none", 40, -1, nil},
	} {
		got, err := w.Read(w.Context(), c, tc.from, tc.limit)
		w.must(err)
		if len(got) != len(tc.want) {
			t.Errorf("%s: Read(%d, %d) returned %d batches, want %d", tc.reason, tc.from, tc.limit, len(got), len(tc.want))
			continue
		}
		w.expect(got, tc.want...)
	}
}

// A read ends where its bucket ends, whatever lies behind.
func readBuckets(_ *testing.T, w *world) {
	c := w.conv("c")
	const end = store.BucketSeqs
	var want []*logpb.Batch
	for first := uint64(end - 63); first <= end; first += 32 {
		want = append(want, w.append(c, first, 32))
	}
	next := w.append(c, end+1, 1)
	after := w.append(c, end+2, 2)
	w.expect(w.read(c, end-63, 100), want...)
	w.expect(w.read(c, end, 100), want[1])
	w.expect(w.read(c, end+1, 100), next, after)
	w.expect(w.read(c, end+3, 100), after)
	w.expect(w.read(c, 1, 100), want...) // the start of the bucket is gone: the next that is there
	w.expect(w.read(c, 2*end+1, 100))
}

func readPages(_ *testing.T, w *world) {
	c := w.conv("c")
	var want []*logpb.Batch
	for first := uint64(1); first < 150; first += 3 {
		want = append(want, w.append(c, first, 3))
	}
	var got []store.Stored
	for from := uint64(1); ; {
		page := w.read(c, from, 7)
		if len(page) == 0 {
			break
		}
		if len(page) > 7 {
			w.Fatalf("a page of 7 has %d batches", len(page))
		}
		got = append(got, page...)
		from = store.Last(page[len(page)-1].Batch) + 1
	}
	w.expect(got, want...)
}

// A lane must see what is there even when it should be gone; histories filter by ExpiresAt.
func readKeepsExpired(t *testing.T, w *world) {
	c := w.conv("c")
	expires := time.Now().Add(-time.Hour).Truncate(time.Second).UTC()
	b := batch(1, 1)
	w.must(w.Append(w.Context(), c, b, store.AppendOptions{ExpiresAt: expires}))
	got := w.read(c, 1, 1)
	w.expect(got, b)
	if !got[0].ExpiresAt.Equal(expires) {
		t.Errorf("ExpiresAt = %v, want %v", got[0].ExpiresAt, expires)
	}
}

// owed returns what the tenant's conversations owe, from every shard.
func (w *world) owed(ctx context.Context) []store.Owed {
	var mine []store.Owed
	for shard := range store.OutboxShards {
		all, err := w.Outbox(ctx, shard, 1000)
		if err != nil {
			w.Errorf("outbox shard %d: %v", shard, err)
		}
		for _, o := range all {
			if o.Conv.Tenant() == w.tenant {
				mine = append(mine, o)
			}
		}
	}
	return mine
}

func outbox(t *testing.T, w *world) {
	c := w.conv("c#1")
	w.append(c, 1, 2)
	b := w.append(c, 3, 1)
	for range 2 {
		w.must(w.MarkOutbox(w.Context(), c, 3))
	}
	if got := w.read(c, 1, 2); got[0].Outbox || !got[1].Outbox {
		t.Errorf("outbox marks are %v, %v; want false, true", got[0].Outbox, got[1].Outbox)
	}
	w.eventually("the batch is owed", func(ctx context.Context) bool { return len(w.owed(ctx)) == 1 })
	w.same([]store.Owed{{Conv: c, First: 3, Batch: b}}, w.owed(w.Context()))
	for range 2 {
		w.must(w.ClearOutbox(w.Context(), c, 3))
	}
	w.eventually("nothing is owed", func(ctx context.Context) bool { return len(w.owed(ctx)) == 0 })
	if got := w.read(c, 3, 1); got[0].Outbox {
		t.Error("the mark is still there after ClearOutbox")
	}
	w.expect(w.read(c, 3, 1), b)

	if err := w.MarkOutbox(w.Context(), c, 4); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("marking nothing: %v, want ErrNotFound", err)
	}
	w.must(w.ClearOutbox(w.Context(), c, 4))
	w.expect(w.read(c, 4, 1)) // neither call made an item
}

func outboxInTheAppend(t *testing.T, w *world) {
	var want []store.Owed
	c := w.conv("c")
	for first := uint64(1); first <= 12; first++ {
		b := batch(first, 1)
		w.must(w.Append(w.Context(), c, b, store.AppendOptions{Outbox: true}))
		want = append(want, store.Owed{Conv: c, First: first, Batch: b})
	}
	if got := w.read(c, 1, 1); !got[0].Outbox {
		t.Error("Append forgot the outbox mark")
	}
	w.eventually("all are owed", func(ctx context.Context) bool { return len(w.owed(ctx)) == len(want) })
	w.same(want, w.owed(w.Context()))
	got, err := w.Outbox(w.Context(), (store.OutboxShard(c)+1)%store.OutboxShards, 1000)
	w.must(err)
	for _, o := range got {
		if o.Conv == c {
			t.Error("a conversation owes in a shard that is not its own")
		}
	}
}

func outboxLimit(t *testing.T, w *world) {
	c := w.conv("c")
	for first := uint64(1); first <= 5; first++ {
		w.must(w.Append(w.Context(), c, batch(first, 1), store.AppendOptions{Outbox: true}))
	}
	w.eventually("all are owed", func(ctx context.Context) bool { return len(w.owed(ctx)) == 5 })
	for _, limit := range []int{3, 1, 0} {
		got, err := w.Outbox(w.Context(), store.OutboxShard(c), limit)
		w.must(err)
		if len(got) != limit {
			t.Errorf("Outbox with limit %d returned %d", limit, len(got))
		}
	}
	for _, shard := range []int{-1, store.OutboxShards} {
		if _, err := w.Outbox(w.Context(), shard, 1); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("shard %d: %v, want ErrInvalid", shard, err)
		}
	}
}

// What is given to a store stays the caller's: changing it afterwards changes nothing stored.
func clone(b *logpb.Batch) *logpb.Batch { return proto.CloneOf(b) }

func name(i int) string { return fmt.Sprintf("user-%05d", i) }
