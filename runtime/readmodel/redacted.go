package readmodel

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// readBodies finds what edits said that come without their bodies: the store had folded them, and taken the bodies out, before the
// model had them. The body that the stored message has is theirs, or that of a later edit, which the model has yet to fold.
func (w *Writer) readBodies(ctx context.Context, g *group, folding []*logpb.Entry) error {
	g.bodies = nil
	for _, e := range folding {
		if !e.GetEdited().GetRedacted() {
			continue
		}
		target := fold.Target(e)
		found, err := w.src.Read(ctx, g.conv, target, 1)
		if err != nil {
			return fmt.Errorf("read message %d of %s: %w", target, g.conv, err)
		}
		if len(found) == 0 {
			continue
		}
		if m := fold.Entry(found[0].Batch, target).GetMessage(); m != nil {
			if g.bodies == nil {
				g.bodies = map[uint64]string{}
			}
			g.bodies[e.GetSeq()] = m.GetBody()
		}
	}
	return nil
}

// toFold returns a copy of an entry to be folded, with the body that it came without.
func (d *delta) toFold(e *logpb.Entry) *logpb.Entry {
	e = proto.CloneOf(e)
	if body, ok := d.bodies[e.GetSeq()]; ok {
		e.GetEdited().Body, e.GetEdited().Redacted = body, false
	}
	return e
}
