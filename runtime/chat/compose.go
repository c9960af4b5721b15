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
	changes  []store.MemberChange
	deadline time.Time
	bytes    int
}

// waiters are the requests with their places.
func (c *composed) waiters() []waiter {
	ws := make([]waiter, len(c.requests))
	for i, r := range c.requests {
		e := c.batch.GetEntries()[c.index[i]]
		ws[i] = waiter{r, place{e.GetSeq(), e.GetAtMs(), e.GetCount()}}
	}
	return ws
}

// add puts r's entry into the batch.
func (c *composed) add(r *request, e *logpb.Entry) {
	c.batch.Entries = append(c.batch.Entries, e)
	c.bytes += proto.Size(e) + entryOverhead
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

// fits says whether one more entry of that size may go along.
func (c *composed) fits(e *logpb.Entry) bool {
	n := len(c.batch.Entries)
	return n == 0 || n < store.MaxBatchEntries &&
		c.bytes+proto.Size(e)+entryOverhead <= store.MaxBatchBytes &&
		e.GetSeq() <= store.BucketEnd(store.First(c.batch))
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
		v := l.examine(r)
		if l.next != base {
			// The examination found entries of another pod: what was composed has the wrong seqs.
			if len(c.requests) > 0 {
				l.requeue(c)
				return nil
			}
			base = l.next
			continue
		}
		if (v.code != "" || v.found != nil) && !l.pop(r) {
			continue
		}
		switch {
		case v.code != "":
			l.fail(r, v.code, v.detail)
			continue
		case v.found != nil:
			l.mu.Lock()
			l.attach(r, *v.found)
			l.mu.Unlock()
			continue
		}
		at := max(l.s.now().UnixMilli(), l.lastAt)
		if r.kind == addMembers {
			if len(c.batch.Entries) > 0 {
				break // it goes alone
			}
			if !l.pop(r) {
				continue
			}
			l.composeMembers(c, r, at)
			if len(c.batch.Entries) == 0 {
				l.passBarrier(r)
				continue
			}
			return c
		}
		if i, ok := c.find(name{r.user.ID(), r.clientMsgID}); ok {
			if l.pop(r) {
				c.join(r, i)
			}
			continue
		}
		n := uint64(len(c.batch.Entries))
		e := &logpb.Entry{
			Seq: l.next + n, Sender: r.user.ID(), ClientMsgId: r.clientMsgID, AtMs: at, Count: l.count + n + 1, Device: r.device,
			Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: r.body}},
		}
		if !c.fits(e) {
			break
		}
		if l.pop(r) {
			c.add(r, e)
		}
	}
	if len(c.batch.Entries) == 0 {
		return nil
	}
	return c
}

// composeMembers makes the entry that brings those of r's members who never were members.
func (l *lane) composeMembers(c *composed, r *request, at int64) {
	added := &logpb.MembersAdded{}
	for _, m := range r.members {
		if !l.members.ever(m.User.ID()) {
			added.Members = append(added.Members, &logpb.Member{User: m.User.ID(), Role: m.Role})
			c.changes = append(c.changes, store.MemberChange{User: m.User, Role: m.Role, Joined: l.next})
		}
	}
	if len(added.Members) == 0 {
		return
	}
	c.add(r, &logpb.Entry{
		Seq: l.next, Sender: r.user.ID(), AtMs: at, Count: l.count, Device: r.device,
		Kind: &logpb.Entry_MembersAdded{MembersAdded: added},
	})
}

// passBarrier answers r when what was committed before is safe.
func (l *lane) passBarrier(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := place{l.head, l.lastAt, l.count}
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
