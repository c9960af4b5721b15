package project

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var errBoom = errors.New("boom")

type fakeModel struct {
	apply       func([]readmodel.Record) (readmodel.Applied, error)
	applyMarks  func([]readmodel.Mark) error
	retryParked func() (readmodel.Applied, error)
	countParked func() (int, error)
	claimTails  func() ([]readmodel.Tail, error)
	tailRaised  func(readmodel.Tail) error
	keep        func() (readmodel.Upkeep, error)
	debt        *debt
	tenants     func(after store.Tenant) ([]store.Tenant, error)
	forget      func(t store.Tenant, before time.Time, after string) (readmodel.Forgotten, error)
}

func (f fakeModel) TenantsAfter(_ context.Context, after store.Tenant, _ int) ([]store.Tenant, error) {
	return f.tenants(after)
}

func (f fakeModel) ForgetBefore(_ context.Context, t store.Tenant, before time.Time, after string) (readmodel.Forgotten, error) {
	return f.forget(t, before, after)
}

// debt is what the cache is owed.
type debt struct {
	mu    sync.Mutex
	owed  int64
	times int
	down  bool
}

func (d *debt) setDown(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

func (d *debt) left() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.owed
}

func (f fakeModel) OweCache(context.Context) error {
	f.debt.mu.Lock()
	defer f.debt.mu.Unlock()
	if f.debt.down {
		return errBoom
	}
	f.debt.times++
	f.debt.owed = int64(f.debt.times)
	return nil
}

func (f fakeModel) CacheDebt(context.Context) (int64, error) {
	if f.debt == nil {
		return 0, nil
	}
	f.debt.mu.Lock()
	defer f.debt.mu.Unlock()
	return f.debt.owed, nil
}

func (f fakeModel) CachePaid(_ context.Context, generation int64) error {
	f.debt.mu.Lock()
	defer f.debt.mu.Unlock()
	if f.debt.owed == generation {
		f.debt.owed = 0
	}
	return nil
}

func (f fakeModel) KeepPartitions(context.Context) (readmodel.Upkeep, error) {
	if f.keep == nil {
		return readmodel.Upkeep{}, nil
	}
	return f.keep()
}

func (f fakeModel) Apply(_ context.Context, rs []readmodel.Record) (readmodel.Applied, error) {
	if f.apply == nil {
		return readmodel.Applied{}, nil
	}
	return f.apply(rs)
}

func (f fakeModel) ApplyMarks(_ context.Context, marks []readmodel.Mark) error {
	if f.applyMarks == nil {
		return nil
	}
	return f.applyMarks(marks)
}

func (f fakeModel) RetryParked(context.Context, int) (readmodel.Applied, error) {
	if f.retryParked == nil {
		return readmodel.Applied{}, nil
	}
	return f.retryParked()
}

func (f fakeModel) CountParked(context.Context) (int, error) {
	if f.countParked == nil {
		return 0, nil
	}
	return f.countParked()
}

func (f fakeModel) ClaimTails(context.Context, int) ([]readmodel.Tail, error) {
	if f.claimTails == nil {
		return nil, nil
	}
	return f.claimTails()
}

func (f fakeModel) TailRaised(_ context.Context, t readmodel.Tail) error {
	if f.tailRaised == nil {
		return nil
	}
	return f.tailRaised(t)
}

// fakeCache fails while down.
type fakeCache struct {
	mu        sync.Mutex
	down      bool
	tries     int
	summaries map[store.Conv]uint64
	dropped   map[store.User]int
	forgotten int
}

func (f *fakeCache) ForgetInboxes(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return errBoom
	}
	f.forgotten++
	return nil
}

func (f *fakeCache) DropList(_ context.Context, users ...store.User) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.down {
		return errBoom
	}
	for _, u := range users {
		f.dropped[u]++
	}
	return nil
}

func (f *fakeCache) PutSummaries(_ context.Context, summaries []cache.Summary) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return errBoom
	}
	for _, s := range summaries {
		f.summaries[s.Conv] = s.Seq
	}
	return nil
}

func (f *fakeCache) setDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func newFakeCache() *fakeCache {
	return &fakeCache{summaries: map[store.Conv]uint64{}, dropped: map[store.User]int{}}
}

type raise func(store.Conv, uint64, uint64) error

func (f raise) RaiseTail(_ context.Context, c store.Conv, tail, count uint64) error {
	return f(c, tail, count)
}

func (f raise) RaiseFloor(context.Context, store.Conv, uint64) error { return nil }

func projector(t *testing.T, m Model, c Cache, tails Tails) *Projector {
	t.Helper()
	if tails == nil {
		tails = raise(func(store.Conv, uint64, uint64) error { return nil })
	}
	p, err := New(Options{Model: m, Cache: c, Tails: tails, HotRetention: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// start runs the projector until the test's bubble is done with it.
func start(t *testing.T, p *Projector) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func TestRecordsAreDoneWhenTheCacheKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := readmodeltest.NewLog(t, "acme", "c", store.Group)
		c := newFakeCache()
		c.setDown(true)
		p := projector(t, fakeModel{debt: &debt{}}, c, nil)
		stop := start(t, p)
		defer stop()
		var done []string
		for _, n := range []struct {
			name string
			head uint64
		}{{"first", 5}, {"late", 4}, {"second", 9}} {
			p.refresh.add([]readmodel.Summary{{Conv: l.Conv, Head: n.head}}, []store.User{l.User("ann")}, func() { done = append(done, n.name) })
		}
		pass(refreshAge - time.Second)
		synctest.Wait()
		if len(done) > 0 {
			t.Fatalf("done while the cache is down: %v: a crash now would leave it behind for good", done)
		}
		c.setDown(false)
		pass(refreshMax)
		synctest.Wait()
		if diff := cmp.Diff([]string{"first", "late", "second"}, done); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
		if c.summaries[l.Conv] != 9 || c.dropped[l.User("ann")] != 1 || c.forgotten != 0 {
			t.Errorf("summary at %d, dropped %d times, forgotten %d times; want the newest, once, never", c.summaries[l.Conv], c.dropped[l.User("ann")], c.forgotten)
		}
	})
}

// A cache that stays away does not stop the projection: what it is not told of is noted, and when it is back it forgets all that it has.
func TestACacheThatStaysAwayIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := readmodeltest.NewLog(t, "acme", "c", store.Group)
		c, d := newFakeCache(), &debt{}
		c.setDown(true)
		p := projector(t, fakeModel{debt: d}, c, nil)
		stop := start(t, p)
		var done atomic.Int32
		add := func() { p.refresh.add(nil, []store.User{l.User("ann")}, func() { done.Add(1) }) }
		add()
		pass(10 * time.Minute)
		synctest.Wait()
		if done.Load() != 1 || d.left() == 0 {
			t.Fatalf("done %d, owed %d: the record waits for a cache that is not there", done.Load(), d.left())
		}
		if c.tries > 300 {
			t.Errorf("%d attempts in 10 minutes: a cache that is down must not be hammered", c.tries)
		}

		// While the debt cannot be noted either, nothing is done.
		d.setDown(true)
		add()
		pass(time.Minute)
		synctest.Wait()
		if done.Load() != 1 {
			t.Error("done, and nobody will ever tell the cache")
		}
		d.setDown(false)
		pass(2 * refreshMax)
		synctest.Wait()
		if done.Load() != 2 {
			t.Error("not done when the debt could be noted")
		}
		stop()

		// The process ends; another finds the debt.
		p = projector(t, fakeModel{debt: d}, c, nil)
		stop = start(t, p)
		defer stop()
		pass(time.Minute)
		c.setDown(false)
		pass(2 * debtEvery)
		synctest.Wait()
		if c.forgotten != 1 || d.left() != 0 {
			t.Errorf("forgotten %d times, %d owed; want once and nothing", c.forgotten, d.left())
		}
	})
}

func TestHandle(t *testing.T) {
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	b := l.Batch(readmodeltest.Say("ann", "hi"))
	records := []eventlog.Record{
		{Topic: eventlog.LogTopic, Timestamp: time.Now(), Batch: &eventlog.BatchRecord{Conv: l.Conv, Kind: store.Group, Batch: b}},
		{Topic: eventlog.MarksTopic, Timestamp: time.Now(), Mark: &eventlog.MarkRecord{User: l.User("bob"), Conv: l.Conv, Read: 1}},
	}
	for _, tc := range []struct {
		name   string
		model  fakeModel
		want   error
		told   int
		reason string
	}{
		{
			"applied", fakeModel{
				apply: func(rs []readmodel.Record) (readmodel.Applied, error) {
					return readmodel.Applied{Entries: len(rs), Summaries: []readmodel.Summary{{Conv: l.Conv, Head: 1}}, Users: []store.User{l.User("ann")}}, nil
				},
			}, nil, 2, "the sender's list and the reader's are outdated",
		},
		{
			"log fails", fakeModel{apply: func([]readmodel.Record) (readmodel.Applied, error) { return readmodel.Applied{}, errBoom }},
			errBoom, 0, "the consumer repeats it",
		},
		{
			"marks fail", fakeModel{applyMarks: func([]readmodel.Mark) error { return errBoom }},
			errBoom, 0, "the consumer repeats both",
		},
	} {
		c := newFakeCache()
		p := projector(t, tc.model, c, nil)
		if err := p.Handle(t.Context(), records); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v: %s", tc.name, err, tc.want, tc.reason)
		}
		p.refresh.flush(t.Context())
		if len(c.dropped) != tc.told {
			t.Errorf("%s: %d lists dropped, want %d: %s", tc.name, len(c.dropped), tc.told, tc.reason)
		}
	}
}

func TestTails(t *testing.T) {
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	for _, tc := range []struct {
		name   string
		err    error
		raised bool
		reason string
	}{
		{"raised", nil, true, "nothing is owed any more"},
		{"fails", errBoom, false, "it stays due: a mark older than the hot retention would hide the log"},
		{"not in the store", store.ErrNotFound, true, "there is nothing to raise"},
	} {
		synctest.Test(t, func(t *testing.T) {
			due := []readmodel.Tail{{Conv: l.Conv, Head: 7, Count: 3}}
			var noted []readmodel.Tail
			m := fakeModel{
				claimTails: func() ([]readmodel.Tail, error) { defer func() { due = nil }(); return due, nil },
				tailRaised: func(t readmodel.Tail) error { noted = append(noted, t); return nil },
			}
			var tail, count uint64
			p := projector(t, m, newFakeCache(), raise(func(_ store.Conv, a, b uint64) error { tail, count = a, b; return tc.err }))
			stop := start(t, p)
			synctest.Wait()
			stop()
			if tail != 7 || count != 3 || (len(noted) == 1) != tc.raised {
				t.Errorf("%s: raised to %d/%d, noted %v: %s", tc.name, tail, count, noted, tc.reason)
			}
		})
	}
}

func TestParkedAreCountedAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := readmodeltest.NewLog(t, "acme", "c", store.Group)
		tries := 0
		m := fakeModel{
			retryParked: func() (readmodel.Applied, error) {
				tries++
				if tries < 3 {
					return readmodel.Applied{Parked: []readmodel.Parked{{Conv: l.Conv, Reason: "why"}}}, nil
				}
				return readmodel.Applied{Freed: []store.Conv{l.Conv}, Summaries: []readmodel.Summary{{Conv: l.Conv, Head: 3}}}, nil
			},
			countParked: func() (int, error) { return max(0, 3-tries), nil },
		}
		c := newFakeCache()
		p := projector(t, m, c, nil)
		stop := start(t, p)
		synctest.Wait()
		if got := testutil.ToFloat64(p.metrics.parked); got != 2 {
			t.Errorf("parked gauge %v, want 2", got)
		}
		pass(5 * parkedEvery)
		synctest.Wait()
		stop()
		if got := testutil.ToFloat64(p.metrics.parked); got != 0 || c.summaries[l.Conv] != 3 {
			t.Errorf("parked gauge %v, summary at %d; want 0 and 3", got, c.summaries[l.Conv])
		}
	})
}

func TestPartitionsAreKept(t *testing.T) {
	for _, tc := range []struct {
		name            string
		keep            readmodel.Upkeep
		err             error
		failures, stray float64
		reason          string
	}{
		{"kept", readmodel.Upkeep{Partitions: 4}, nil, 0, 0, "nothing to see"},
		{"stray", readmodel.Upkeep{Partitions: 4, Stray: true}, nil, 0, 1, "a wrong clock is an alarm"},
		{"busy", readmodel.Upkeep{Busy: true}, nil, 0, 0, "another projector is at it"},
		{"failed", readmodel.Upkeep{}, errBoom, 2, 0, "it is tried again"},
	} {
		synctest.Test(t, func(t *testing.T) {
			rounds := 0
			p := projector(t, fakeModel{keep: func() (readmodel.Upkeep, error) { rounds++; return tc.keep, tc.err }}, newFakeCache(), nil)
			stop := start(t, p)
			pass(partitionsEvery * 4 / 3)
			synctest.Wait()
			stop()
			failures, stray := testutil.ToFloat64(p.metrics.upkeepFailures), testutil.ToFloat64(p.metrics.stray)
			if rounds != 2 || failures != tc.failures || stray != tc.stray {
				t.Errorf("%s: %d rounds, %v failures, stray %v: %s", tc.name, rounds, failures, stray, tc.reason)
			}
			if got := testutil.ToFloat64(p.metrics.partitions); got != float64(tc.keep.Partitions) {
				t.Errorf("%s: gauge %v", tc.name, got)
			}
		})
	}
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("no error")
	}
}

// pass lets time pass on the bubble's clock.
func pass(d time.Duration) { <-time.After(d) }
