package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatcluster/chatcluster/runtime/telemetry"
	"github.com/chatcluster/chatcluster/runtime/tracing"
)

func provider(t *testing.T, ratio float64) (trace.Tracer, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	p := tracing.NewProvider(tracing.Options{Cluster: "chat/demo", Role: "test", Pod: "test-0", SampleRatio: ratio}, spans)
	t.Cleanup(func() {
		if err := p.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return p.Tracer("test"), spans
}

func TestATraceCrossesAProcessAsText(t *testing.T) {
	tracer, spans := provider(t, 1)
	ctx, first := tracer.Start(t.Context(), "first")
	parent := telemetry.Parent(ctx)
	first.End()
	if !strings.HasPrefix(parent, "00-"+first.SpanContext().TraceID().String()+"-") {
		t.Fatalf("traceparent = %q", parent)
	}

	_, second := tracer.Start(telemetry.Under(t.Context(), parent), "second")
	second.End()
	ended := spans.Ended()
	if got, want := ended[1].Parent().SpanID(), ended[0].SpanContext().SpanID(); got != want {
		t.Errorf("the second span's parent = %s, want %s", got, want)
	}
	link, ok := telemetry.Link(parent)
	if !ok || link.SpanContext.SpanID() != first.SpanContext().SpanID() {
		t.Errorf("link = %v, %t", link, ok)
	}
}

func TestWhatIsNotSampledCostsNothing(t *testing.T) {
	tracer, spans := provider(t, 0)
	ctx, span := tracer.Start(t.Context(), "first")
	if got := telemetry.Parent(ctx); got != "" {
		t.Errorf("a trace that is not sampled goes along: %q", got)
	}
	span.End()
	if n := len(spans.Ended()); n != 0 {
		t.Errorf("%d spans were recorded", n)
	}
}

func TestAParentThatIsNoneChangesNothing(t *testing.T) {
	for _, parent := range []string{"", "nonsense", "00-00000000000000000000000000000000-0000000000000000-01"} {
		if sc := trace.SpanContextFromContext(telemetry.Under(t.Context(), parent)); sc.IsValid() {
			t.Errorf("Under(%q) has a span: %v", parent, sc)
		}
		if _, ok := telemetry.Link(parent); ok {
			t.Errorf("Link(%q) is one", parent)
		}
	}
}

func TestLogsNameTraceAndRequest(t *testing.T) {
	tracer, _ := provider(t, 1)
	var out bytes.Buffer
	log := slog.New(telemetry.Logs(slog.NewJSONHandler(&out, nil))).With("role", "test")
	ctx, span := tracer.Start(telemetry.WithRequestID(t.Context(), "r-1"), "work")
	defer span.End()
	log.InfoContext(ctx, "something happened")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"role": "test", "request_id": "r-1",
		"trace_id": span.SpanContext().TraceID().String(), "span_id": span.SpanContext().SpanID().String(),
	}
	for k, v := range want {
		if line[k] != v {
			t.Errorf("%s = %v, want %s", k, line[k], v)
		}
	}
}
