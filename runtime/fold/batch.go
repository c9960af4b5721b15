package fold

import (
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// Batch folds entries, in the order of their seqs, into the messages of a stored batch, which it changes. The batch may
// grow to limit bytes; a message that would take it further is elided. It says whether the batch changed. The bodies of the edits before
// are to be redacted before the changed batch is stored, those of the edits after it once that is done, each where it is stored.
func Batch(b *logpb.Batch, entries []*logpb.Entry, limit int) (changed bool, before, after []uint64) {
	for _, e := range entries {
		target := Entry(b, Target(e))
		if target == nil {
			continue
		}
		redacted := Covered(target)
		did, replaced := Apply(target, e)
		if replaced > 0 {
			before = append(before, replaced)
		}
		if m := target.GetMessage(); did && (m.GetElided() || proto.Size(b) > limit) {
			if m.GetBodyAt() == redacted {
				m.BodyAt = 0 // the body is here alone
			}
			elide(m)
		}
		if covered := Covered(target); covered > 0 {
			after = append(after, covered)
		}
		changed = changed || did
	}
	return changed, before, after
}

// Entry returns the batch's entry with that seq, nil where it has none.
func Entry(b *logpb.Batch, seq uint64) *logpb.Entry {
	entries := b.GetEntries()
	if len(entries) == 0 || seq < entries[0].GetSeq() || seq-entries[0].GetSeq() >= uint64(len(entries)) {
		return nil
	}
	return entries[seq-entries[0].GetSeq()]
}
