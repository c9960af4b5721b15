package chat

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatcluster/chatcluster/runtime/telemetry"
)

// traced begins the span of a put, beneath the first traced request that it is for and linked to the others. It returns nil where
// none is traced: then it costs nothing.
func (s *Service) traced(ctx context.Context, c *composed) (context.Context, trace.Span) {
	if s.o.Tracer == nil {
		return ctx, nil
	}
	var parent string
	var links []trace.Link
	for _, r := range c.requests {
		of := r.in.GetTraceParent()
		if parent == "" {
			parent = of
		} else if link, ok := telemetry.Link(of); ok {
			links = append(links, link)
		}
	}
	if parent == "" {
		return ctx, nil
	}
	ctx, span := s.o.Tracer.Start(telemetry.Under(ctx, parent), "append", trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(links...))
	span.SetAttributes(attribute.Int("chatcluster.entries", len(c.batch.GetEntries())))
	return ctx, span
}

func endTraced(span trace.Span, err error) {
	if span == nil {
		return
	}
	if err != nil {
		span.SetStatus(codes.Error, "") // the text may hold what nobody wants to find there
	}
	span.End()
}
