package chat

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxTargets bounds each of what targets remember: most changes are of recent messages, and of few.
const maxTargets = 256

// targets are messages that changes have asked about lately, and those that were deleted lately. Nothing is kept of a
// conversation that only has messages.
type targets struct {
	seen recent[target]
	// gone are deletions that may not be folded into the stored message yet.
	gone recent[struct{}]
}

// target is what a change must know of the entry that it changes.
type target struct {
	sender    string
	at        int64
	message   bool
	deleted   bool
	reactions int
}

// recent remembers the newest things by seq.
type recent[T any] struct {
	by    map[uint64]T
	order []uint64 // a ring once it is full
	next  int
}

func (m *recent[T]) put(seq uint64, v T) {
	if m.by == nil {
		m.by = map[uint64]T{}
	}
	if _, ok := m.by[seq]; !ok {
		if len(m.order) < maxTargets {
			m.order = append(m.order, seq)
		} else {
			delete(m.by, m.order[m.next])
			m.order[m.next] = seq
			m.next = (m.next + 1) % maxTargets
		}
	}
	m.by[seq] = v
}

func (m *recent[T]) has(seq uint64) bool {
	_, ok := m.by[seq]
	return ok
}

// apply takes note of a deletion.
func (t *targets) apply(e *logpb.Entry) {
	if d := e.GetDeleted(); d != nil {
		t.gone.put(d.GetTarget(), struct{}{})
		if m, ok := t.seen.by[d.GetTarget()]; ok {
			m.deleted = true
			t.seen.by[d.GetTarget()] = m
		}
	}
}

func targetOf(e *logpb.Entry) target {
	m := e.GetMessage()
	return target{
		sender: e.GetSender(), at: e.GetAtMs(), message: m != nil, deleted: m.GetDeleted(), reactions: len(m.GetReactions()),
	}
}

// target returns the message at seq, or why it cannot be changed.
func (l *lane) target(ctx context.Context, seq uint64) (target, finding) {
	if seq >= l.next {
		return target{}, denied(protocol.CodeNotFound, "no such message")
	}
	t, ok := l.targets.seen.by[seq]
	if !ok {
		ctx, cancel := context.WithTimeout(ctx, l.s.o.StoreTimeout)
		defer cancel()
		page, err := l.s.o.Store.Read(ctx, l.conv, seq, 1)
		if err != nil {
			return target{}, denied(protocol.CodeUnavailable, "the log cannot be read")
		}
		if len(page) == 0 || store.First(page[0].Batch) > seq {
			return target{}, denied(protocol.CodeTooOld, "the message has left the hot retention")
		}
		t = targetOf(page[0].Batch.GetEntries()[seq-store.First(page[0].Batch)])
		l.targets.seen.put(seq, t)
	}
	switch {
	case l.retained() > 0 && l.s.now().Sub(time.UnixMilli(t.at)) > l.retained():
		return t, denied(protocol.CodeTooOld, "the message has left the hot retention")
	case !t.message:
		return t, denied(protocol.CodeInvalid, "the target is no message")
	}
	t.deleted = t.deleted || l.targets.gone.has(seq)
	return t, finding{}
}

// visible says whether the member may see the entry: it came in a stay of theirs.
func (l *lane) visible(ctx context.Context, u store.User, seq uint64) (bool, error) {
	if s := l.members.all[u.ID()]; seq >= s.joined {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.s.o.StoreTimeout)
	defer cancel()
	m, err := l.s.o.Store.Membership(ctx, u, l.conv)
	return err == nil && m.May(seq), err
}
