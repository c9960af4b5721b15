package figures

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/latency"
)

// kafka takes records, or not.
type kafka struct {
	err  error
	came []eventlog.FiguresRecord
}

func (k *kafka) PublishFigures(r eventlog.FiguresRecord, done func(error)) {
	k.came = append(k.came, r)
	done(k.err)
}

func (k *kafka) sorted() []eventlog.FiguresRecord {
	slices.SortFunc(k.came, func(a, b eventlog.FiguresRecord) int {
		return strings.Compare(string(a.Tenant)+a.At.String(), string(b.Tenant)+b.At.String())
	})
	for _, r := range k.came {
		slices.SortFunc(r.Pushes, func(a, b eventlog.PushCount) int { return strings.Compare(a.Channel+a.Outcome, b.Channel+b.Outcome) })
	}
	return k.came
}

func newBook(t *testing.T) (*Book, *kafka) {
	t.Helper()
	k := &kafka{}
	b, err := New(Options{Publisher: k})
	if err != nil {
		t.Fatal(err)
	}
	return b, k
}

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func sketch(t *testing.T, latencies ...time.Duration) *latency.Sketch {
	t.Helper()
	s, err := latency.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range latencies {
		if err := s.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

var same = cmp.Comparer(func(a, b *latency.Sketch) bool {
	return a == b || a != nil && b != nil && string(a.Encode()) == string(b.Encode())
})

func TestAMinuteIsOneRecordOfEachTenant(t *testing.T) {
	b, k := newBook(t)
	b.Delivered("acme", noon, 3*time.Millisecond)
	b.Delivered("acme", noon.Add(59*time.Second), time.Second)
	b.Pushed("acme", noon, "GCM", "delivered")
	b.Pushed("acme", noon, "GCM", "delivered")
	b.Pushed("acme", noon, "APNS", "invalid")
	b.Pushed("globex", noon, "GCM", "retry")
	b.turn()
	<-b.publish()
	b.Delivered("acme", noon.Add(time.Minute), time.Minute)
	want := []eventlog.FiguresRecord{
		{Tenant: "acme", Source: b.source, N: 1, At: noon, Deliveries: sketch(t, 3*time.Millisecond, time.Second),
			Pushes: []eventlog.PushCount{{Channel: "APNS", Outcome: "invalid", Count: 1}, {Channel: "GCM", Outcome: "delivered", Count: 2}}},
		{Tenant: "globex", Source: b.source, N: 1, At: noon, Pushes: []eventlog.PushCount{{Channel: "GCM", Outcome: "retry", Count: 1}}},
	}
	if d := cmp.Diff(want, k.sorted(), same); d != "" {
		t.Errorf("the first (-want +got):\n%s", d)
	}
	k.came = nil
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rest := []eventlog.FiguresRecord{{Tenant: "acme", Source: b.source, N: 2, At: noon.Add(time.Minute), Deliveries: sketch(t, time.Minute)}}
	if d := cmp.Diff(rest, k.came, same); d != "" {
		t.Errorf("the rest (-want +got):\n%s", d)
	}
}

func TestWhatKafkaDoesNotTakeComesAgainUnderItsName(t *testing.T) {
	b, k := newBook(t)
	k.err = errors.New("away")
	b.Pushed("acme", noon, "GCM", "delivered")
	if err := b.Close(t.Context()); err == nil {
		t.Error("it says that all is published")
	}
	b.Pushed("acme", noon.Add(time.Hour), "GCM", "delivered")
	k.err = nil
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	var got []uint64
	for _, r := range k.came {
		got = append(got, r.N)
	}
	if d := cmp.Diff([]uint64{1, 1, 2}, got); d != "" {
		t.Errorf("numbers (-want +got):\n%s", d)
	}
}

func TestCloseWaitsNoLongerThanItMay(t *testing.T) {
	b, err := New(Options{Publisher: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	b.Pushed("acme", noon, "GCM", "delivered")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type silent struct{}

func (silent) PublishFigures(eventlog.FiguresRecord, func(error)) {}

func TestTwoBooksHaveTwoNames(t *testing.T) {
	a, _ := newBook(t)
	b, _ := newBook(t)
	if a.source == b.source {
		t.Error("one book's record would hide the other's")
	}
}

func TestWhatWaitsForKafkaIsBounded(t *testing.T) {
	b, k := newBook(t)
	k.err = errors.New("away")
	for i := range waiting + 5 {
		b.Pushed("acme", noon.Add(time.Duration(i)*time.Minute), "GCM", "delivered")
	}
	b.turn()
	if len(b.records) != waiting {
		t.Errorf("%d records wait, want %d", len(b.records), waiting)
	}
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	b, _ := newBook(t)
	b.Delivered("acme", noon, time.Hour)
	b.Pushed("acme", noon, "GCM", "delivered")
	b.Delivered("acme", noon, 0)
	b.Delivered("acme", noon, time.Microsecond)
	if n := testing.AllocsPerRun(1000, func() {
		b.Delivered("acme", noon, 20*time.Millisecond)
		b.Pushed("acme", noon, "GCM", "delivered")
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkDelivered(b *testing.B) {
	book, err := New(Options{Publisher: &kafka{}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			book.Delivered("acme", noon, 20*time.Millisecond)
		}
	})
}
