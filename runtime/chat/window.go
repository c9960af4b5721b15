package chat

import (
	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Bounds of a window.
const (
	// windowMax is what a window is trimmed to when it outgrows it by a quarter: as far back as a retry is looked for.
	windowMax = protocol.RetrySearchSeqs
	// windowIdle is what a lane keeps that has been quiet for a while.
	windowIdle = 256
)

// processorMark keeps the names of processors apart from those of users, whose ids hold no such byte: a user who is called as a
// processor is takes none of its names.
const processorMark = "\x00"

// name is a sender's name for an entry.
type name struct {
	sender string
	id     string
}

// place is where an entry is in the log.
type place struct {
	seq     uint64
	at      int64
	count   uint64
	content content
}

// window remembers every entry from seq from on, by its sender's name for it. Ids, numbers and hashes only: no bodies.
type window struct {
	from   uint64
	places map[name]place
	names  []name // by seq; the first is at from
	words  fold.Words
}

func newWindow(from uint64) *window { return &window{from: from, places: map[name]place{}} }

// add takes the next entry.
func (w *window) add(e *logpb.Entry) {
	n := nameOf(e)
	w.names = append(w.names, n)
	w.put(n, e)
	if len(w.names) > windowMax+windowMax/4 {
		w.trim(windowMax)
	}
}

// prepend takes the entries before from, in order, ending at from−1.
func (w *window) prepend(entries []*logpb.Entry) {
	names := make([]name, 0, len(entries)+len(w.names))
	for _, e := range entries {
		n := nameOf(e)
		names = append(names, n)
		w.put(n, e)
	}
	w.names = append(names, w.names...)
	w.from -= uint64(len(entries))
}

func (w *window) put(n name, e *logpb.Entry) {
	w.words.Note(e)
	if n.id != "" {
		w.places[n] = place{e.GetSeq(), e.GetAtMs(), e.GetCount(), contentOf(e)}
	}
}

func (w *window) find(n name) (place, bool) {
	p, ok := w.places[n]
	return p, ok
}

// trim keeps the newest n entries.
func (w *window) trim(n int) {
	drop := len(w.names) - n
	if drop <= 0 {
		return
	}
	for i, nm := range w.names[:drop] {
		if p, ok := w.places[nm]; ok && p.seq == w.from+uint64(i) {
			delete(w.places, nm)
		}
	}
	w.names = append([]name(nil), w.names[drop:]...)
	w.from += uint64(drop)
	w.words.Forget(w.from)
}

func nameOf(e *logpb.Entry) name {
	if e.GetVerdict() != nil {
		return name{processorMark + e.GetSender(), e.GetClientMsgId()}
	}
	return name{e.GetSender(), e.GetClientMsgId()}
}
