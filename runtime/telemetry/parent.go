package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceParent is the one header that goes along.
const traceParent = "traceparent"

// Parent returns the traceparent of the span in ctx, or "" when there is none that is sampled.
func Parent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get(traceParent)
}

// Under returns ctx beneath the span that parent names. What is no traceparent changes nothing.
func Under(ctx context.Context, parent string) context.Context {
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceParent: parent})
}

// Link returns a link to the span that parent names, for work that answers several requests at once. ok is false when
// parent names none.
func Link(parent string) (link trace.Link, ok bool) {
	if parent == "" {
		return trace.Link{}, false
	}
	sc := trace.SpanContextFromContext(Under(context.Background(), parent))
	return trace.Link{SpanContext: sc}, sc.IsValid()
}
