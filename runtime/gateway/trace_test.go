package gateway_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/tracing"
)

// traced returns a recorder and what makes a gateway give it every span.
func traced(t *testing.T) (*tracetest.SpanRecorder, func(*gateway.Options)) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	p := tracing.NewProvider(tracing.Options{Role: "gateway", SampleRatio: 1}, spans)
	t.Cleanup(func() { _ = p.Shutdown(context.WithoutCancel(t.Context())) })
	return spans, func(o *gateway.Options) { o.Tracers = p }
}

func TestASendIsTracedToTheChatPod(t *testing.T) {
	w := gatewaytest.New(t)
	pod := w.Pod("c1")
	spans, on := traced(t)
	g := w.Gateway("g1", on)
	w.Create("room", "alice", "bob")
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Entries(1)
	pod.Before(func(s *chatpb.Send) *chatpb.Result {
		if s.GetClientMsgId() == "refused" {
			return &chatpb.Result{Code: string(protocol.CodeForbidden)}
		}
		return nil
	})
	alice.Say(send("m1"))
	alice.Say(send("refused"))
	answers(alice, 2)

	sends := func() []sdktrace.ReadOnlySpan {
		return slices.DeleteFunc(spans.Ended(), func(s sdktrace.ReadOnlySpan) bool { return s.Name() != protocol.TypeSend })
	}
	w.Eventually("both spans end", func() bool { return len(sends()) == 2 })
	for i, want := range []codes.Code{codes.Unset, codes.Error} {
		span, sent := sends()[i], pod.Sends()[i]
		if span.Status().Code != want {
			t.Errorf("span %d: status %v, want %v", i, span.Status().Code, want)
		}
		if !strings.Contains(sent.GetTraceParent(), span.SpanContext().TraceID().String()) {
			t.Errorf("send %d goes on with %q, not with its span's trace", i, sent.GetTraceParent())
		}
		for _, a := range span.Attributes() {
			if strings.Contains(a.Value.String(), "body of") {
				t.Errorf("a body is in the trace: %s", a.Key)
			}
		}
	}
}

func TestNothingIsTracedUnasked(t *testing.T) {
	w := gatewaytest.New(t)
	pod := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice", "bob")
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Entries(1)
	alice.Say(send("m1"))
	answers(alice, 1)
	if got := pod.Sends()[0].GetTraceParent(); got != "" {
		t.Errorf("a traceparent goes along: %q", got)
	}
}

func TestARequestIsTracedUnderItsRoute(t *testing.T) {
	w := gatewaytest.New(t)
	spans, on := traced(t)
	g := w.Gateway("g1", on)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(g.URL, "ws://", "http://", 1)+"/v1/conversations/room/messages", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	w.Eventually("the span ends", func() bool { return len(spans.Ended()) == 1 })
	span := spans.Ended()[0]
	if got, want := span.Name(), "GET /v1/conversations/{id}/messages"; got != want {
		t.Errorf("name = %q, want %q: names have few values", got, want)
	}
	if span.Parent().IsValid() || len(span.Links()) != 1 {
		t.Errorf("the caller's trace is the parent (%t), linked %d times: a client does not decide what is recorded", span.Parent().IsValid(), len(span.Links()))
	}
}
