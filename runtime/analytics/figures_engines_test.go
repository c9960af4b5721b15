//go:build engines

package analytics

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/latency"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// measured is the record n of a process: so long took deliveries, and so many pushes the platform took.
func measured(t *testing.T, tenant store.Tenant, source string, n uint64, at time.Time, deliveries []time.Duration, pushes uint64) eventlog.Record {
	t.Helper()
	f := &eventlog.FiguresRecord{Tenant: tenant, Source: source, N: n, At: at}
	if len(deliveries) > 0 {
		var err error
		if f.Deliveries, err = latency.New(); err != nil {
			t.Fatal(err)
		}
		for _, d := range deliveries {
			if err := f.Deliveries.Add(d); err != nil {
				t.Fatal(err)
			}
		}
	}
	if pushes > 0 {
		f.Pushes = []eventlog.PushCount{{Channel: "GCM", Outcome: "delivered", Count: pushes}, {Channel: "GCM", Outcome: "retry", Count: 1}}
	}
	return eventlog.Record{Figures: f}
}

func TestDeliveriesAndPushesAreRolledUp(t *testing.T) {
	r := NewRollups(database(t), 0)
	apply(t, r,
		measured(t, "acme", "g1", 1, since, []time.Duration{10 * time.Millisecond, 20 * time.Millisecond}, 0),
		measured(t, "acme", "g2", 1, since.Add(time.Minute), []time.Duration{time.Second, time.Minute}, 0),
		measured(t, "acme", "n1", 1, since.Add(time.Minute), nil, 4),
		measured(t, "acme", "n1", 2, since.Add(25*time.Hour), nil, 2),
		measured(t, "globex", "g1", 1, since, []time.Duration{time.Hour}, 0),
	)
	pushes := func(delivered, retry int64) []Pushes {
		return []Pushes{{"GCM", "delivered", delivered}, {"GCM", "retry", retry}}
	}
	got := statsOf(t, r, "acme", Day)
	want := Stats{
		Points: []Point{
			{Start: since, Figures: Figures{
				Counts: Counts{Deliveries: 4}, DeliveryLatency: Latencies{P50: 20 * time.Millisecond, P90: time.Second, P99: time.Second}, Pushes: pushes(4, 1),
			}},
			{Start: since.Add(24 * time.Hour), Figures: Figures{Pushes: pushes(2, 1)}},
		},
		Total: Figures{
			Counts: Counts{Deliveries: 4}, DeliveryLatency: Latencies{P50: 20 * time.Millisecond, P90: time.Second, P99: time.Second}, Pushes: pushes(6, 2),
		},
	}
	if d := cmp.Diff(want, got, within); d != "" {
		t.Errorf("by day (-want +got):\n%s", d)
	}
	var minutes []int64
	for _, p := range statsOf(t, r, "acme", Minute).Points {
		minutes = append(minutes, p.Deliveries)
	}
	if d := cmp.Diff([]int64{2, 2, 0}, minutes); d != "" {
		t.Errorf("by minute (-want +got):\n%s", d)
	}
}

// In whatever order records come, however often, and to whomever of two processes: each counts once.
func TestFiguresCountOnce(t *testing.T) {
	db := database(t)
	var records []eventlog.Record
	for _, source := range []string{"g1", "g2", "g3"} {
		for n := range uint64(30) {
			records = append(records, measured(t, "acme", source, n+1, since.Add(time.Duration(n)*time.Minute), []time.Duration{time.Duration(n+1) * time.Millisecond}, 1))
		}
	}
	var wg sync.WaitGroup
	for seed := range uint64(3) {
		wg.Go(func() {
			r, mine := NewRollups(db, 0), slices.Clone(records)
			rand.New(rand.NewPCG(seed, 0)).Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			for chunk := range slices.Chunk(mine, 7) {
				if _, err := r.Apply(t.Context(), chunk); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r := NewRollups(db, 0)
	got := statsOf(t, r, "acme", Day).Total
	if got.Deliveries != 90 || len(got.Pushes) != 2 || got.Pushes[0].Count != 90 {
		t.Errorf("%d deliveries and %v, want 90 of each", got.Deliveries, got.Pushes)
	}
	before := table(t, db)
	if done := apply(t, r, records...); done != (Applied{Repeated: 90}) {
		t.Errorf("a replay: %+v", done)
	}
	if d := cmp.Diff(before, table(t, db)); d != "" {
		t.Errorf("a replay changes the tables (-before +after):\n%s", d)
	}
}

// What is too old to be told from what was counted is not counted, so sources can be forgotten.
func TestForgottenFiguresDoNotCountAgain(t *testing.T) {
	db := database(t)
	r := NewRollups(db, 0)
	old, fresh := measured(t, "acme", "g1", 1, since, []time.Duration{time.Second}, 1), measured(t, "acme", "g2", 1, since.Add(3*24*time.Hour), nil, 1)
	apply(t, r, old, fresh)
	sources := func() (n int) {
		for _, row := range table(t, db) {
			if len(row) > 8 && row[:7] == "(acme,g" {
				n++
			}
		}
		return n
	}
	r.now = func() time.Time { return since.Add(sourceKept + forgetSlack - time.Minute) }
	if _, err := r.Forget(t.Context()); err != nil || sources() != 2 {
		t.Errorf("%d sources, %v: a clock may be a day slow", sources(), err)
	}
	r.now = func() time.Time { return since.Add(sourceKept + forgetSlack + time.Minute) }
	if _, err := r.Forget(t.Context()); err != nil || sources() != 1 {
		t.Errorf("%d sources, %v, want the one that may come again", sources(), err)
	}
	if done := apply(t, r, old, fresh); done != (Applied{Late: 1, Repeated: 1}) {
		t.Errorf("a replay: %+v", done)
	}
	if got := statsOf(t, r, "acme", Day).Total.Deliveries; got != 1 {
		t.Errorf("%d deliveries", got)
	}
}
