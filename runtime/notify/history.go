package notify

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// tailSeqs is how far back the log is read to count what came before: "99+" needs no more.
	tailSeqs = 128
	// maxTailReads bounds the reads of a log that goes on.
	maxTailReads = 8
)

// history is what the log holds around a window.
type history struct {
	timeline
	// from is the first seq that was looked at, and began when that entry came, where there was one.
	from  uint64
	began time.Time
}

// cut says whether there may be more for somebody who has seen what is before from or came before since.
func (h history) cut(from uint64, since time.Time) bool {
	return h.from > from && !h.began.Before(since)
}

// readLog reads the log from seq from up to seq to, both included, and where beyond is set, what comes after it, as far as a
// bounded number of reads goes.
func (n *Notifier) readLog(ctx context.Context, c store.Conv, from, to uint64, beyond bool) (history, error) {
	h := history{from: max(from, 1)}
	now := time.Now()
	for reads, at := 0, h.from; reads < maxTailReads && (at <= to || beyond); reads++ {
		batches, err := n.o.Store.Read(ctx, c, at, tailSeqs)
		if err != nil {
			return history{}, err
		}
		if len(batches) == 0 {
			if at > to || store.Bucket(at) == store.Bucket(to) {
				break
			}
			at = store.BucketEnd(at) + 1 // what was there has expired
			continue
		}
		for _, b := range batches {
			for _, e := range b.Batch.GetEntries() {
				if e.GetSeq() >= h.from && (e.GetSeq() <= to || beyond) {
					if h.began.IsZero() {
						h.began = time.UnixMilli(e.GetAtMs())
					}
					h.apply(e, now)
				}
			}
			at = store.Last(b.Batch) + 1
		}
		h.trim()
	}
	return h, nil
}

// before returns what the log holds shortly before the window. It is read once for an evaluation, and only where a push covers
// more than the window: what cannot be read is not counted.
func (n *Notifier) before(ctx context.Context, e *evaluation) (h history, ok bool) {
	e.earlierMu.Lock()
	defer e.earlierMu.Unlock()
	if e.earlierRead {
		return e.earlier, true
	}
	from := uint64(1)
	if e.first > tailSeqs {
		from = e.first - tailSeqs
	}
	h, err := n.readLog(ctx, e.conv, from, e.first-1, false)
	if err != nil {
		n.o.Log.Warn("earlier messages not counted", "conversation", e.conv.String(), "error", err)
		return history{}, false
	}
	e.earlier, e.earlierRead = h, true
	return h, true
}
