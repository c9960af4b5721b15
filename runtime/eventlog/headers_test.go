package eventlog

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/tracing"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestRecordsSayWhatTheyAreAbout(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	p, err := NewProducer(cfg, ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := conv(t, "c")
	errs := make(chan error, 3)
	done := func(err error) { errs <- err }
	p.PublishTraced(parent, c, store.Group, batch(7), done)
	p.PublishBatch(c, store.Group, batch(8), done)
	p.PublishTraced("not a trace context", c, store.Group, batch(9), done)
	for range 3 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	raw, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.ConsumeTopics(FullName(cfg.TopicPrefix, LogTopic)))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []map[string]string
	for len(got) < 3 {
		fetches := raw.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			headers := map[string]string{}
			for _, h := range r.Headers {
				headers[h.Key] = string(h.Value)
			}
			got = append(got, headers)
		})
	}
	plain := func(seq string) map[string]string {
		return map[string]string{HeaderTenant: "acme", HeaderConversation: "c", HeaderFirst: seq, HeaderLast: seq}
	}
	traced := plain("7")
	traced[HeaderTraceParent] = parent
	if diff := cmp.Diff([]map[string]string{traced, plain("8"), plain("9")}, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}

	parents := make(chan string, 3)
	spans := tracetest.NewSpanRecorder()
	tracers := tracing.NewProvider(tracing.Options{Role: "test"}, spans)
	stop := start(t, cfg, ConsumerOptions{Tracer: tracers.Tracer("test"), Handler: func(_ context.Context, rs []Record) error {
		for _, r := range rs {
			parents <- r.TraceParent
		}
		return nil
	}})
	for _, want := range []string{parent, "", ""} {
		if got := <-parents; got != want {
			t.Errorf("trace parent %q, want %q", got, want)
		}
	}
	stop()
	if n := len(spans.Ended()); n != 1 {
		t.Fatalf("%d records are traced, want 1", n)
	}
	if got := spans.Ended()[0].Parent(); !strings.Contains(parent, got.SpanID().String()) || !got.IsRemote() {
		t.Errorf("the consumer's span has the parent %v, not the request's", got)
	}
}

func TestForeignTraceParents(t *testing.T) {
	for _, value := range []string{"", "x", strings.Repeat("x", 1<<16)} {
		if got := traceParentOf(&kgo.Record{Headers: []kgo.RecordHeader{{Key: HeaderTraceParent, Value: []byte(value)}}}); got != "" {
			t.Errorf("%d bytes are taken for a trace context", len(value))
		}
	}
}

// A handler that gets nowhere shows as lag.
func TestLagShowsWhileNothingIsHandled(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	publish(t, cfg, conv(t, "c"), 1, 10)
	called, fail := make(chan struct{}, 100), make(chan error)
	c, err := NewConsumer(cfg, ConsumerOptions{Group: ProjectGroup, Topics: []string{LogTopic}, BatchSize: 4, Handler: func(context.Context, []Record) error {
		called <- struct{}{}
		return <-fail
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	lag := func() float64 { return testutil.ToFloat64(c.metrics.lag.WithLabelValues(LogTopic, "0")) }
	<-called
	if got := lag(); got != 10 {
		t.Errorf("lag %v before anything is handled, want 10", got)
	}
	fail <- errors.New("boom")
	<-called
	fail <- nil
	<-called
	if got := lag(); got != 6 {
		t.Errorf("lag %v after the first four, want 6", got)
	}
	close(fail)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if n := testutil.CollectAndCount(c.metrics.lag); n != 0 {
		t.Errorf("%d partitions have a lag when none is this process's", n)
	}
}
