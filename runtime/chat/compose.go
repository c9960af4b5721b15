package chat

import (
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// entryOverhead is what an entry takes in its batch beside its own bytes, at most.
const entryOverhead = 8

// composed is a batch and the requests that it answers.
type composed struct {
	batch    *logpb.Batch
	requests []*request
	index    []int // of each request's entry
	messages uint64
	alone    bool // the store changes more than the log with it
	changes  []store.MemberChange
	deadline time.Time
	bytes    int
}

// waiters are the requests with their places.
func (c *composed) waiters() []waiter {
	ws := make([]waiter, len(c.requests))
	for i, r := range c.requests {
		e := c.batch.GetEntries()[c.index[i]]
		ws[i] = waiter{r, place{seq: e.GetSeq(), at: e.GetAtMs(), count: e.GetCount()}}
	}
	return ws
}

// add puts r's entry into the batch.
func (c *composed) add(r *request, e *logpb.Entry) { c.addSized(r, e, proto.Size(e)) }

func (c *composed) addSized(r *request, e *logpb.Entry, size int) {
	c.batch.Entries = append(c.batch.Entries, e)
	c.bytes += size + entryOverhead
	if e.GetMessage() != nil {
		c.messages++
	}
	c.join(r, len(c.batch.Entries)-1)
}

// join has r wait for an entry that is in the batch.
func (c *composed) join(r *request, index int) {
	c.requests = append(c.requests, r)
	c.index = append(c.index, index)
	if c.deadline.IsZero() || r.deadline.Before(c.deadline) {
		c.deadline = r.deadline
	}
}

// find returns the index of the entry with this name.
func (c *composed) find(n name) (int, bool) {
	for i, e := range c.batch.GetEntries() {
		if nameOf(e) == n {
			return i, true
		}
	}
	return 0, false
}

// deletes says whether the batch deletes the message at seq.
func (c *composed) deletes(seq uint64) bool {
	for _, e := range c.batch.GetEntries() {
		if d := e.GetDeleted(); d != nil && d.GetTarget() == seq {
			return true
		}
	}
	return false
}

// judges says whether the batch has a verdict on the message at seq.
func (c *composed) judges(seq uint64) bool {
	for _, e := range c.batch.GetEntries() {
		if v := e.GetVerdict(); v != nil && v.GetTarget() == seq {
			return true
		}
	}
	return false
}

// fits says whether one more entry of that size may go along.
func (c *composed) fits(seq uint64, size int) bool {
	n := len(c.batch.Entries)
	return n == 0 || n < store.MaxBatchEntries && c.bytes+size+entryOverhead <= store.MaxBatchBytes && seq <= store.BucketEnd(store.First(c.batch))
}

// compose checks what waits, in order, answers what needs no entry, and returns a batch of the rest, or nil.
func (l *lane) compose() *composed {
	id := uuid.New()
	c := &composed{batch: &logpb.Batch{Id: id[:]}}
	base := l.next
	for {
		r := l.peek()
		if r == nil {
			break
		}
		if l.s.now().After(r.deadline) {
			if l.pop(r) {
				l.fail(r, protocol.CodeUnavailable, "not in time")
			}
			continue
		}
		if r.kind == barrier {
			if len(c.batch.Entries) > 0 {
				break
			}
			if l.pop(r) {
				l.passBarrier(r)
			}
			continue
		}
		if r.alone() && len(c.batch.Entries) > 0 {
			break
		}
		if r.word() && c.judges(r.in.GetVerdict().GetTarget()) {
			break // it is weighed against what is in the log
		}
		f := l.examine(r, c)
		if l.next != base {
			// The examination found entries of another pod: what was composed has the wrong seqs.
			if len(c.requests) > 0 {
				l.requeue(c)
				return nil
			}
			base = l.next
			continue
		}
		if !f.due() && !f.found && !r.message() && len(c.batch.Entries) > 0 {
			break // it may be so for what is composed: that is committed first
		}
		if !f.due() {
			if l.pop(r) {
				l.dismiss(r, f)
			}
			continue
		}
		at := max(l.s.now().UnixMilli(), l.lastAt)
		if r.alone() {
			l.composeAlone(c, r, at)
			if len(c.batch.Entries) > 0 && len(c.requests) == 0 {
				return c // r comes after it
			}
			if !l.pop(r) {
				c.reset()
				continue
			}
			if len(c.batch.Entries) > 0 {
				return c
			}
			l.passBarrier(r)
			continue
		}
		e := r.entry()
		if i, ok := c.find(nameOf(e)); ok {
			same := contentOf(c.batch.GetEntries()[i]).same(contentOf(e))
			if !l.pop(r) {
				continue
			}
			if same {
				c.join(r, i)
			} else {
				l.dismiss(r, reused())
			}
			continue
		}
		e.Seq, e.AtMs, e.Count = l.next+uint64(len(c.batch.Entries)), at, l.count+c.messages
		if r.message() {
			e.Count++
		}
		size := proto.Size(e)
		if !c.fits(e.GetSeq(), size) {
			break
		}
		if l.pop(r) {
			c.addSized(r, e, size)
		}
	}
	if len(c.batch.Entries) == 0 {
		return nil
	}
	return c
}

// reset makes the batch empty again.
func (c *composed) reset() {
	*c = composed{batch: &logpb.Batch{Id: c.batch.GetId()}}
}

// dismiss answers a request that needs no entry.
func (l *lane) dismiss(r *request, f finding) {
	switch {
	case f.wait > 0:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failAfter(r, f.code, f.detail, f.wait)
	case f.code != "":
		l.fail(r, f.code, f.detail)
	case f.found:
		l.mu.Lock()
		defer l.mu.Unlock()
		r.found = true
		l.attach(r, f.place)
	default:
		l.passBarrier(r)
	}
}

// passBarrier answers r when what was committed before is safe.
func (l *lane) passBarrier(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := place{seq: l.head, at: l.lastAt, count: l.count}
	if n := len(l.out); n > 0 {
		at.seq = l.out[n-1].last
	}
	l.attach(r, at)
}

// peek returns what waits first, or nil.
func (l *lane) peek() *request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil
	}
	return l.waiting[0]
}

// pop removes r from the front. It returns false when r is not there any more: it was refused meanwhile, behind an earlier
// one of its device.
func (l *lane) pop(r *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 || l.waiting[0] != r {
		return false
	}
	l.waiting = l.waiting[1:]
	return true
}
