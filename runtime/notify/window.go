package notify

import (
	"context"
	"slices"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// windowKey names a conversation's window. A conversation lives in one partition, but for the moment in which partitions are
// added.
type windowKey struct {
	p partition
	c store.Conv
}

// window is the messages of a conversation that are not settled yet: those that no evaluation has taken, and those of the
// evaluations that are under way. What happens to a message meanwhile happens to it here. It is guarded by the notifier's
// mutex.
type window struct {
	key      windowKey
	kind     string
	owner    *ownership
	task     *task
	messages timeline
	records  []record // that wait for an evaluation
	running  []*evaluation
}

// record is a record that waits for its messages to be decided.
type record struct {
	first, last uint64
	done        func()
}

// open returns the oldest message that no evaluation has taken.
func (w *window) open() (message, bool) {
	for _, m := range w.messages {
		if !m.decided {
			return m, true
		}
	}
	return message{}, false
}

// add files a batch. It returns false when there is no message in it to wait for.
func (w *window) add(b *logpb.Batch, now time.Time, done func()) bool {
	var r record
	for _, e := range b.GetEntries() {
		w.messages.apply(e, now)
		if e.GetMessage() != nil {
			if r.first == 0 {
				r.first = e.GetSeq()
			}
			r.last = e.GetSeq()
		}
	}
	w.messages.trim()
	if r.first == 0 {
		return false
	}
	r.done = done
	w.records = append(w.records, r)
	return true
}

// split starts an evaluation of what was committed by cutoff, in whole records: a record is done when all of it is decided.
func (w *window) split(cutoff time.Time) *evaluation {
	var due uint64
	for _, m := range w.messages {
		if !m.decided && !m.at.After(cutoff) {
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
	e := &evaluation{window: w, conv: w.key.c, kind: w.kind, owner: w.owner, due: due}
	for i := range w.messages {
		m := &w.messages[i]
		if m.seq > due {
			break
		}
		if !m.decided && e.first == 0 {
			e.first = m.seq
		}
		m.decided = true
	}
	w.records = slices.DeleteFunc(w.records, func(r record) bool {
		if r.last <= due {
			e.records = append(e.records, r)
			return true
		}
		return false
	})
	w.running = append(w.running, e)
	return e
}

// since returns the messages from first on, as they are now.
func (w *window) since(first uint64) timeline {
	i, _ := w.messages.find(first)
	return slices.Clone(w.messages[i:])
}

// finish forgets an evaluation, and the messages that nobody needs any more. It returns true when nothing is left.
func (w *window) finish(e *evaluation) (empty bool) {
	w.running = slices.DeleteFunc(w.running, func(x *evaluation) bool { return x == e })
	w.messages = slices.DeleteFunc(w.messages, func(m message) bool {
		return m.decided && !slices.ContainsFunc(w.running, func(x *evaluation) bool { return m.seq >= x.first })
	})
	return len(w.messages) == 0 && len(w.running) == 0
}

// decide starts the evaluation of what is due, and leaves the rest to the conversation's next window.
func (n *Notifier) decide(ctx context.Context, w *window) {
	n.mu.Lock()
	if n.windows[w.key] != w { // the partition has moved away
		n.mu.Unlock()
		return
	}
	e := w.split(time.Now().Add(-n.o.Delay))
	if m, ok := w.open(); ok {
		n.schedule(w.task, m.at.Add(n.o.Delay))
	}
	n.mu.Unlock()
	if e == nil {
		return
	}
	e.task = &task{p: w.key.p, run: func(ctx context.Context) { n.evaluate(ctx, e) }, at: notOnAgenda}
	n.evaluate(ctx, e)
}

// look gives the evaluation the messages as they are now. It returns false when the partition has moved away.
func (n *Notifier) look(e *evaluation) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.windows[e.window.key] != e.window {
		return false
	}
	e.messages = e.window.since(e.first)
	e.last = e.due
	if len(e.messages) > 0 {
		e.last = max(e.due, e.messages[len(e.messages)-1].seq)
	}
	return true
}

// leave ends the evaluation.
func (n *Notifier) leave(e *evaluation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if w := e.window; n.windows[w.key] == w && w.finish(e) {
		delete(n.windows, w.key)
		n.metrics.windows.Set(float64(len(n.windows)))
	}
}
