package gateway

import (
	"context"
	"errors"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// pageBatches is how many batches one read of a pull asks for.
	pageBatches = protocol.MaxMissed + 1
	// maxMissedBytes bounds the bodies that one pull holds; what does not fit becomes part of the gap.
	maxMissedBytes = 1 << 20
)

// missed is what lies after a seq: a gap that the client pages, then entries.
type missed struct {
	// gapTo is the gap's last seq, 0 when there is none.
	gapTo   uint64
	entries []*logpb.Entry
	// bytes is roughly what the entries weigh.
	bytes int
	// end is the last seq there is, at least the seq that was asked for.
	end uint64
}

// logReader is what missedAfter reads.
type logReader interface {
	Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error)
	Conversation(ctx context.Context, c store.Conv) (store.Conversation, error)
}

// missedAfter reads what lies after sent: the last MaxMissed entries and, before those, a gap. known is a seq that is known to
// exist, or 0. It reads from the batch that holds sent itself: where that is there, so is what follows; where it has expired, the
// conversation's tail tells how much has.
func missedAfter(ctx context.Context, r logReader, v store.Conv, sent, known uint64) (missed, error) {
	w := window{next: sent + 1}
	from := max(sent, 1)
	var tail uint64
	asked := false
	askTail := func() error {
		asked = true
		c, err := r.Conversation(ctx, v)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		tail = max(c.Tail, known)
		return nil
	}
	for {
		page, err := r.Read(ctx, v, from, pageBatches)
		if err != nil {
			return missed{}, err
		}
		for _, b := range page {
			w.add(b.Batch.GetEntries())
		}
		switch n := len(page); {
		case n == pageBatches:
			from = w.next
			if w.gapTo > 0 && !asked {
				if err := askTail(); err != nil {
					return missed{}, err
				}
				// What lies between here and the last MaxMissed before the tail is not read at all.
				if tail > w.next+protocol.MaxMissed {
					from = tail - protocol.MaxMissed + 1
				}
			}
		case n > 0 && store.Last(page[n-1].Batch) == store.BucketEnd(store.Last(page[n-1].Batch)):
			from = store.Last(page[n-1].Batch) + 1
		case n == 0 && !asked && from <= max(sent, 1):
			if err := askTail(); err != nil {
				return missed{}, err
			}
			if tail < w.next {
				return w.done(), nil
			}
			if store.Bucket(tail) > store.Bucket(from) {
				from = store.Bucket(tail)*store.BucketSeqs + 1
				continue
			}
			// This bucket holds nothing from here on.
			w.skip(tail)
			if from = store.BucketEnd(tail) + 1; w.next != from {
				return w.done(), nil
			}
		default:
			w.skip(tail)
			return w.done(), nil
		}
	}
}

// window keeps the last entries.
type window struct {
	next    uint64
	gapTo   uint64
	entries []*logpb.Entry
	bytes   int
}

func (w *window) add(entries []*logpb.Entry) {
	for _, e := range entries {
		if e.GetSeq() < w.next {
			continue
		}
		if e.GetSeq() > w.next {
			w.skip(e.GetSeq() - 1)
		}
		w.entries = append(w.entries, e)
		w.bytes += entrySize(e)
		w.next = e.GetSeq() + 1
		for len(w.entries) > protocol.MaxMissed || (w.bytes > maxMissedBytes && len(w.entries) > 1) {
			w.gapTo = w.entries[0].GetSeq()
			w.bytes -= entrySize(w.entries[0])
			w.entries = w.entries[1:]
		}
	}
}

// skip makes everything up to seq part of the gap.
func (w *window) skip(seq uint64) {
	if seq < w.next {
		return
	}
	w.gapTo, w.next = seq, seq+1
	w.entries, w.bytes = nil, 0
}

func (w *window) done() missed {
	return missed{gapTo: w.gapTo, entries: w.entries, bytes: w.bytes, end: w.next - 1}
}

// entrySize is roughly what an entry weighs as a frame.
func entrySize(e *logpb.Entry) int {
	n := 160 + len(e.GetMessage().GetBody()) + len(e.GetSender()) + len(e.GetDevice()) + len(e.GetClientMsgId()) +
		len(e.GetRenamed().GetTitle())
	for _, m := range e.GetMembersAdded().GetMembers() {
		n += 32 + len(m.GetUser())
	}
	for _, u := range e.GetMembersRemoved().GetUsers() {
		n += 4 + len(u)
	}
	return n
}
