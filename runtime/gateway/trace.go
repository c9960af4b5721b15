package gateway

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/telemetry"
)

// beginSend begins the span of a send, from its handing over to its answer, and has the chat pod go on with it. It returns nil where
// nothing is traced: then it costs nothing.
func (g *Gateway) beginSend(s *chatpb.Send) trace.Span {
	if !g.traced {
		return nil
	}
	ctx, span := g.tracer.Start(g.life, frameOf(s), trace.WithSpanKind(trace.SpanKindServer))
	if span.IsRecording() {
		span.SetAttributes(attribute.String("chatcluster.tenant", s.GetTenant()), attribute.String("chatcluster.conversation", s.GetConversation()))
	}
	s.TraceParent = telemetry.Parent(ctx)
	return span
}

func endSend(span trace.Span, r *chatpb.Result) {
	if span == nil {
		return
	}
	if span.IsRecording() {
		if code := r.GetCode(); code != "" {
			span.SetAttributes(attribute.String("error.type", code))
			span.SetStatus(codes.Error, "")
		} else {
			span.SetAttributes(attribute.Int64("chatcluster.seq", int64(r.GetSeq())))
		}
	}
	span.End()
}

// frameOf names the frame that the send was.
func frameOf(s *chatpb.Send) string {
	switch s.GetChange().(type) {
	case *chatpb.Send_Edited:
		return protocol.TypeEdit
	case *chatpb.Send_Deleted:
		return protocol.TypeDelete
	case *chatpb.Send_Reacted:
		return protocol.TypeReact
	default:
		return protocol.TypeSend
	}
}
