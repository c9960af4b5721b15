package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	pullTimeout = 10 * time.Second
	// pullAttempts is how often a read is tried before the connection is closed: the client comes back, perhaps elsewhere.
	pullAttempts = 6
	// idlePulls is how often a pull looks for an announced seq that the store does not have before it stops believing in it.
	idlePulls = 3
	pullPause = 50 * time.Millisecond
	// frameBudget is how much of a pull goes into one frame.
	frameBudget  = 32 << 10
	cacheTimeout = time.Second
)

var errClosing = errors.New("the connection is closing")

// wantPull has the conversation pulled after those that wait already. conn.mu is held.
func (c *conn) wantPull(cur *cursor) {
	if cur.queued || cur.left || c.finished || c.closing.Load() {
		return
	}
	cur.queued = true
	c.pulls = append(c.pulls, cur)
	if !c.pulling {
		c.pulling = true
		c.g.conns.Go(c.pullLoop)
	}
}

// pullLoop pulls one conversation after the other until none waits.
func (c *conn) pullLoop() {
	for {
		c.mu.Lock()
		if len(c.pulls) == 0 || c.finished || c.closing.Load() {
			c.pulls, c.pulling = nil, false
			c.mu.Unlock()
			return
		}
		cur := c.pulls[0]
		c.pulls = c.pulls[1:]
		c.mu.Unlock()
		if err := c.pull(cur); err != nil && c.ctx.Err() == nil && !errors.Is(err, errClosing) {
			c.g.log.Error("a conversation could not be read", "conversation", cur.conv.String(), "error", err)
			c.close(protocol.CloseInternal, "what was missed could not be read")
		}
	}
}

// pull sends what the connection has not been sent, until it has reached the target and the store's end.
func (c *conn) pull(cur *cursor) error {
	for idle := 0; ; {
		c.mu.Lock()
		unplaced := cur.unplaced
		c.mu.Unlock()
		if unplaced {
			if ok, err := c.locate(cur); err != nil || !ok {
				return err
			}
		}
		c.mu.Lock()
		sent, known := cur.sent, cur.target
		c.mu.Unlock()

		var m missed
		err := c.reading(func(ctx context.Context) (err error) {
			m, err = missedAfter(ctx, c.g.o.Store, cur.conv, sent, known)
			return err
		})
		if err != nil {
			return err
		}
		c.g.m.pulls.Inc()
		c.hold(m.bytes)
		err = c.send(cur, sent, m)
		c.hold(-m.bytes)
		if err != nil {
			return err
		}
		if c.settle(cur, m.end > sent, idle >= idlePulls) {
			return nil
		}
		if m.end > sent {
			idle = 0
			continue
		}
		idle++
		if err := c.pause(pullPause << idle); err != nil {
			return err
		}
	}
}

// settle ends the pull when nothing is left to do. It says whether it did.
func (c *conn) settle(cur *cursor, progress, doubtful bool) bool {
	c.mu.Lock()
	if cur.target > cur.sent && (progress || !doubtful) {
		c.mu.Unlock()
		return false
	}
	if cur.target > cur.sent {
		// A head that the store does not have: it was never committed, or it is gone. The next head asks again.
		c.g.m.phantoms.Inc()
		cur.target = cur.sent
	}
	cur.queued = false
	cur.left = cur.away
	left := cur.left
	c.mu.Unlock()
	if left {
		c.forget(cur)
	}
	return true
}

// forget takes the connection out of a conversation that the user has left. A join that came meanwhile wins.
func (c *conn) forget(cur *cursor) {
	c.g.hub.removeConv(cur.conv, c)
	c.mu.Lock()
	back := c.cursors[cur.conv] != cur
	c.mu.Unlock()
	if back {
		c.enter(cur.conv)
	}
}

// enter registers the connection in the conversation unless it is ending.
func (c *conn) enter(v store.Conv) {
	c.g.hub.addConv(v, c)
	c.mu.Lock()
	gone := c.finished
	c.mu.Unlock()
	if gone {
		// finish ran in between and did not see the conversation.
		c.g.hub.removeConv(v, c)
	}
}

// locate reads the membership of a conversation that was only announced. False: the user is no member.
func (c *conn) locate(cur *cursor) (bool, error) {
	var m store.Membership
	err := c.reading(func(ctx context.Context) (err error) {
		if m, err = c.g.o.Store.Membership(ctx, c.user, cur.conv); errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	cur.unplaced = false
	if m.Joined != 0 && (m.Left == 0 || cur.sent < m.Left) {
		cur.sent = max(cur.sent, startOf(m, c.device, Mark{}))
		cur.away = awayAfter(m, cur.sent)
		c.mu.Unlock()
		return true, nil
	}
	cur.queued, cur.left = false, true
	c.mu.Unlock()
	c.forget(cur)
	return false, nil
}

// reading runs one read of the store among those of all connections, with a deadline, and again when it fails.
func (c *conn) reading(read func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		if err := c.g.pulls.Acquire(c.ctx, 1); err != nil {
			return errClosing
		}
		ctx, cancel := context.WithTimeout(c.ctx, pullTimeout)
		err := read(ctx)
		cancel()
		c.g.pulls.Release(1)
		if err == nil || attempt == pullAttempts {
			return err
		}
		c.g.m.pullErrors.Inc()
		if err := c.pause(pullPause << attempt); err != nil {
			return err
		}
	}
}

// pause waits up to d, at random.
func (c *conn) pause(d time.Duration) error {
	t := time.NewTimer(rand.N(d) + 1)
	defer t.Stop()
	select {
	case <-c.ctx.Done():
		return errClosing
	case <-t.C:
		return nil
	}
}

// send queues the gap and the entries, as the connection has room.
func (c *conn) send(cur *cursor, sent uint64, m missed) error {
	if m.gapTo > sent {
		if err := c.sendGap(cur, sent, m.gapTo); err != nil {
			return err
		}
	}
	for rest := m.entries; len(rest) > 0; {
		n := frameful(rest)
		if err := c.sendEntries(cur, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// sendGap tells what the client must page, as far as the user may see it.
func (c *conn) sendGap(cur *cursor, sent, to uint64) error {
	var ms store.Membership
	err := c.reading(func(ctx context.Context) (err error) {
		if ms, err = c.g.o.Store.Membership(ctx, c.user, cur.conv); errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	last := to
	if ms.Left != 0 {
		last = min(last, ms.Left)
	}
	if last <= sent {
		c.mu.Lock()
		defer c.mu.Unlock()
		cur.sent, cur.away = to, true
		return nil
	}
	f := encode(&protocol.ServerFrame{Type: protocol.TypeGap, Conversation: cur.conv.ID(), From: sent + 1, To: last})
	return c.queue(cur, f, protocol.TypeGap, to, awayAfter(ms, to))
}

// sendEntries queues those of the entries that the user may see.
func (c *conn) sendEntries(cur *cursor, entries []*logpb.Entry) error {
	c.mu.Lock()
	away := cur.away
	c.mu.Unlock()
	last := entries[len(entries)-1].GetSeq()
	seen := make([]*logpb.Entry, 0, len(entries))
	flush := func(upTo uint64) error {
		if len(seen) == 0 {
			c.mu.Lock()
			defer c.mu.Unlock()
			cur.sent, cur.away = upTo, away
			return nil
		}
		err := c.queue(cur, entriesFrame(cur.conv.ID(), seen), protocol.TypeEntries, upTo, away)
		if err == nil {
			c.mu.Lock()
			c.awaitDelivery(cur, newestOf(seen))
			c.mu.Unlock()
		}
		seen = seen[:0]
		return err
	}
	for _, e := range entries {
		if joins(e, c.user.ID()) {
			away = false
		}
		if away {
			// A frame's seqs are consecutive: what came before the absence goes out on its own.
			if len(seen) > 0 {
				if err := flush(e.GetSeq()); err != nil {
					return err
				}
			}
			continue
		}
		seen = append(seen, e)
		if slices.Contains(e.GetMembersRemoved().GetUsers(), c.user.ID()) {
			away = true
		}
	}
	return flush(last)
}

func joins(e *logpb.Entry, user string) bool {
	return slices.ContainsFunc(e.GetMembersAdded().GetMembers(), func(m *logpb.Member) bool { return m.GetUser() == user })
}

// queue waits for room, queues the frame and moves the cursor.
func (c *conn) queue(cur *cursor, frame []byte, kind string, sent uint64, away bool) error {
	if err := c.awaitRoom(c.ctx, len(frame)); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.push(frame, kind) {
		return errClosing
	}
	cur.sent, cur.away = sent, away
	return nil
}

// awaitRoom waits until the queue has room for n more bytes beside live entries.
func (c *conn) awaitRoom(ctx context.Context, n int) error {
	for {
		room := c.out.roomFor(n)
		if room == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errClosing
		case <-room:
		}
	}
}

// frameful is how many of the entries go into one frame, at least one.
func frameful(entries []*logpb.Entry) int {
	size := 0
	for i, e := range entries {
		if size += entrySize(e); size > frameBudget && i > 0 {
			return i
		}
	}
	return len(entries)
}
