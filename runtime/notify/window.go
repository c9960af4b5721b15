package notify

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// maxPreviewRunes is how much of a body a push shows.
	maxPreviewRunes = 200
	// keptPreviews is how many of a window's last messages keep theirs: older ones are only counted.
	keptPreviews = 16
)

// windowKey names a conversation's window. A conversation lives in one partition, but for the moment in which partitions are
// added.
type windowKey struct {
	p partition
	c store.Conv
}

// window is the messages of a conversation that are not decided yet. It is guarded by the notifier's mutex.
type window struct {
	key      windowKey
	kind     string
	owner    *ownership
	task     *task
	messages []message // by seq, each once; never empty while the window is filed
	records  []record
}

// message is what deciding and pushing need of a message.
type message struct {
	seq     uint64
	sender  string
	at      time.Time
	preview string
}

// record is a record that waits for its messages to be decided.
type record struct {
	first, last uint64
	done        func()
}

// messagesOf returns the batch's messages. A commit time in the future is a wrong clock's, and counts as now.
func messagesOf(b *logpb.Batch, now time.Time) []message {
	var out []message
	for _, e := range b.GetEntries() {
		if m := e.GetMessage(); m != nil {
			at := time.UnixMilli(e.GetAtMs())
			if at.After(now) {
				at = now
			}
			out = append(out, message{seq: e.GetSeq(), sender: e.GetSender(), at: at, preview: previewOf(m.GetBody())})
		}
	}
	return out
}

// previewOf is the body's beginning on one line. It shares no memory with the body.
func previewOf(body string) string {
	var out strings.Builder
	n, space := 0, false
	for _, r := range body {
		if n == maxPreviewRunes {
			out.WriteRune('…')
			break
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			space = n > 0
			continue
		}
		if space {
			out.WriteByte(' ')
			n, space = n+1, false
		}
		if r == utf8.RuneError {
			r = '\uFFFD'
		}
		out.WriteRune(r)
		n++
	}
	return out.String()
}

// add files a record's messages. One that is there already is the same: a batch may be published more than once.
func (w *window) add(messages []message, done func()) {
	for _, m := range messages {
		i, found := slices.BinarySearchFunc(w.messages, m.seq, func(x message, seq uint64) int {
			switch {
			case x.seq < seq:
				return -1
			case x.seq > seq:
				return 1
			}
			return 0
		})
		if !found {
			w.messages = slices.Insert(w.messages, i, m)
		}
	}
	for i := len(w.messages) - keptPreviews - 1; i >= 0 && w.messages[i].preview != ""; i-- {
		w.messages[i].preview = ""
	}
	w.records = append(w.records, record{messages[0].seq, messages[len(messages)-1].seq, done})
}

// decide starts the evaluation of what is due, and leaves the rest to the conversation's next window.
func (n *Notifier) decide(ctx context.Context, w *window) {
	n.mu.Lock()
	if n.windows[w.key] != w { // the partition has moved away
		n.mu.Unlock()
		return
	}
	e := w.split(time.Now().Add(-n.o.Delay))
	if len(w.messages) == 0 {
		delete(n.windows, w.key)
		n.metrics.windows.Set(float64(len(n.windows)))
	} else {
		n.schedule(w.task, w.messages[0].at.Add(n.o.Delay))
	}
	n.mu.Unlock()
	if e == nil {
		return
	}
	e.task = &task{p: w.key.p, run: func(ctx context.Context) { n.evaluate(ctx, e) }, at: notOnAgenda}
	n.evaluate(ctx, e)
}

// split takes what was committed by cutoff out of the window, in whole records: a record is done when all of it is decided.
func (w *window) split(cutoff time.Time) *evaluation {
	var due uint64
	for _, m := range w.messages {
		if !m.at.After(cutoff) {
			due = m.seq
		}
	}
	if due == 0 {
		return nil
	}
	for grown := true; grown; {
		grown = false
		for _, r := range w.records {
			if r.first <= due && r.last > due {
				due, grown = r.last, true
			}
		}
	}
	e := &evaluation{
		conv: w.key.c, kind: w.kind, owner: w.owner,
		messages: slices.Clone(w.messages), due: due, last: w.messages[len(w.messages)-1].seq,
	}
	w.messages = slices.DeleteFunc(w.messages, func(m message) bool { return m.seq <= due })
	w.records = slices.DeleteFunc(w.records, func(r record) bool {
		if r.last <= due {
			e.records = append(e.records, r)
			return true
		}
		return false
	})
	return e
}
