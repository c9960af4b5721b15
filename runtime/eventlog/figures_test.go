package eventlog

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/latency"
)

var sameSketch = cmp.Comparer(func(a, b *latency.Sketch) bool {
	return a == b || a != nil && b != nil && string(a.Encode()) == string(b.Encode())
})

func TestFiguresArriveAsTheyWerePublished(t *testing.T) {
	_, cfg := fakeKafka(t, 3)
	p, err := NewProducer(cfg, ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // what counts arrives
	deliveries, err := latency.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, time.Minute} {
		if err := deliveries.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	want := FiguresRecord{
		Tenant: "acme", Source: "s", N: 3, At: time.UnixMilli(1_700_000_000_000).UTC(), Deliveries: deliveries,
		Pushes: []PushCount{{"APNS", "delivered", 4}, {"GCM", "retry", 1}},
	}
	done := make(chan error, 1)
	p.PublishFigures(want, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	came := make(chan Record, 1)
	start(t, cfg, ConsumerOptions{Group: AnalyticsGroup, Topics: []string{FiguresTopic}, Handler: func(_ context.Context, rs []Record) error {
		came <- rs[0]
		return nil
	}})
	select {
	case r := <-came:
		if d := cmp.Diff(&want, r.Figures, sameSketch); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
	}
}

func TestFiguresOutOfBoundsAreRefused(t *testing.T) {
	good := func() *eventpb.FiguresRecord { return &eventpb.FiguresRecord{Tenant: "acme", Source: "s", N: 1} }
	for reason, change := range map[string]func(*eventpb.FiguresRecord){
		"whose are they?":                      func(m *eventpb.FiguresRecord) { m.Tenant = "" },
		"they could not be told to come twice": func(m *eventpb.FiguresRecord) { m.Source = "" },
		"nor without a number":                 func(m *eventpb.FiguresRecord) { m.N = 0 },
		"a source is a word":                   func(m *eventpb.FiguresRecord) { m.Source = strings.Repeat("s", 65) },
		"an outcome is a word": func(m *eventpb.FiguresRecord) {
			m.Pushes = []*eventpb.PushCount{{Channel: "GCM", Outcome: "two words"}}
		},
		"each bin has a count": func(m *eventpb.FiguresRecord) {
			m.Deliveries = &eventpb.Latencies{Index: []int32{1, 2}, Count: []uint64{1}}
		},
		"nothing takes as long as that": func(m *eventpb.FiguresRecord) {
			m.Deliveries = &eventpb.Latencies{Index: []int32{1 << 30}, Count: []uint64{1}}
		},
		"there are not so many of one platform": func(m *eventpb.FiguresRecord) { m.Pushes = make([]*eventpb.PushCount, 65) },
	} {
		m := good()
		change(m)
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeFigures(b); err == nil {
			t.Errorf("taken: %s", reason)
		}
	}
	b, err := proto.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeFigures(b); err != nil {
		t.Errorf("refused though it is good: %v", err)
	}
}
