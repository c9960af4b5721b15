package chat

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/tracing"
)

// tracingKafka notes the traces that it is told.
type tracingKafka struct {
	*fakeKafka
	mu     sync.Mutex
	traces []string
}

func (k *tracingKafka) PublishTraced(trace string, c store.Conv, kind string, b *logpb.Batch, done func(error)) {
	k.mu.Lock()
	k.traces = append(k.traces, trace)
	k.mu.Unlock()
	k.PublishBatch(c, kind, b, done)
}

func TestABatchIsPublishedWithItsTrace(t *testing.T) {
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	st, k := memStore(t), &tracingKafka{fakeKafka: newKafka()}
	c := makeConv(t, st, "c", "ann", "bob")
	spans := tracetest.NewSpanRecorder()
	tracers := tracing.NewProvider(tracing.Options{Role: "chat"}, spans)
	g := startPod(t, "chat-0", st, k, nil, nil, func(o *Options) { o.Tracer = tracers.Tracer("test") }).connect()
	g.mustSend(msg{conv: "c", user: "ann", id: "untraced"})
	g.mustDo("ann", "traced", func(s *chatpb.Send) { s.Body, s.TraceParent = "x", trace })
	g.mustDo("ann", "nonsense", func(s *chatpb.Send) { s.Body, s.TraceParent = "x", strings.Repeat("x", 1000) })
	k.mu.Lock()
	defer k.mu.Unlock()
	if d := cmp.Diff([]string{trace}, k.traces); d != "" {
		t.Errorf("traces (-want +got):\n%s", d)
	}
	ended := spans.Ended()
	if len(ended) != 1 || !strings.Contains(trace, ended[0].Parent().SpanID().String()) {
		t.Errorf("%d puts are traced, want the one whose request is, beneath it", len(ended))
	}
	if got := len(k.bodiesOf(c)); got != 3 {
		t.Errorf("Kafka has %d messages, want 3", got)
	}
}
