package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// cursor is where a connection stands in a conversation. conn.mu guards it.
type cursor struct {
	conv store.Conv
	// sent is the last seq that was queued, or skipped by a gap.
	sent uint64
	// target is the highest seq that is known to exist.
	target uint64
	// unplaced says that the membership must be read first: a head told of it.
	unplaced bool
	// queued says that a pull waits or runs: until it ends, deliveries only raise the target.
	queued bool
	// away says that the user is no member after sent.
	away bool
	// left says that the user is away at the log's end and has been told so. The cursor stays for the marks.
	left            bool
	delivered, read uint64
	// awaited is the message whose delivery is measured, committed at awaitedAt (Unix milliseconds); 0: none.
	awaited   uint64
	awaitedAt int64
	// repeated says that the client has told its read mark on this connection.
	repeated bool
	// large says that the conversation is too large for receipts, as the last delivery said.
	large bool
}

// delivery is one committed batch on its way to many connections. One goroutine uses it.
type delivery struct {
	conv        store.Conv
	batch       *logpb.Batch
	first, last uint64
	newest      newest
	removed     map[string]bool
	large       bool
	frame       []byte // encoded when the first connection takes it
}

func newDelivery(v store.Conv, b *logpb.Batch, large bool) *delivery {
	d := &delivery{conv: v, batch: b, large: large, first: store.First(b), last: store.Last(b)}
	d.newest = newestOf(b.GetEntries())
	for _, e := range b.GetEntries() {
		for _, u := range e.GetMembersRemoved().GetUsers() {
			if d.removed == nil {
				d.removed = map[string]bool{}
			}
			d.removed[u] = true
		}
	}
	return d
}

// begins says whether the batch's first entry makes the user a member.
func (d *delivery) begins(user string) bool {
	return slices.ContainsFunc(d.batch.GetEntries()[0].GetMembersAdded().GetMembers(), func(m *logpb.Member) bool {
		return m.GetUser() == user
	})
}

func (d *delivery) encoded() []byte {
	if d.frame == nil {
		d.frame = entriesFrame(d.conv.ID(), d.batch.GetEntries())
	}
	return d.frame
}

// subscribe places a cursor in each of the user's conversations: behind what this device has confirmed.
func (c *conn) subscribe(ctx context.Context) error {
	all, err := c.g.o.Store.Memberships(ctx, c.user)
	if err != nil {
		return err
	}
	marks := c.g.cachedMarks(ctx, c.user, c.device, all)
	for i, m := range all {
		sent := startOf(m, c.device, marks[i])
		if m.Left != 0 && sent >= m.Left {
			continue // there is nothing more for this device
		}
		c.begin(m.Conv, cursor{sent: sent, away: awayAfter(m, sent), read: max(m.Read, marks[i].Read)})
	}
	return nil
}

// begin places the cursor where the membership says. A join that was announced since the connection was registered knows only
// of the newest stay; nothing was sent from there, as the connection is not live.
func (c *conn) begin(v store.Conv, at cursor) {
	c.mu.Lock()
	if old := c.cursors[v]; old != nil {
		old.sent, old.away, old.read, old.unplaced = at.sent, at.away, at.read, false
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.place(v, at)
}

// startOf is the last seq that the device need not be sent. What came during an earlier stay is still due.
func startOf(m store.Membership, device string, cached Mark) uint64 {
	joined := m.Joined
	if len(m.Earlier) > 0 {
		joined = m.Earlier[0].Joined
	}
	return max(m.Delivered[device], cached.Delivered, max(joined, 1)-1)
}

// awayAfter says whether the user was no member after seq. The entry that brings the user back says so in the log.
func awayAfter(m store.Membership, seq uint64) bool {
	in := func(joined, left uint64) bool { return joined <= seq && (left == 0 || seq < left) }
	if in(m.Joined, m.Left) {
		return false
	}
	for _, i := range m.Earlier {
		if in(i.Joined, i.Left) {
			return false
		}
	}
	return true
}

// cachedMarks asks the cache, which may know newer marks than the store. Without it entries come again.
func (g *Gateway) cachedMarks(ctx context.Context, u store.User, device string, all []store.Membership) []Mark {
	if len(all) == 0 {
		return nil
	}
	convs := make([]store.Conv, len(all))
	for i, m := range all {
		convs[i] = m.Conv
	}
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	marks, err := g.o.Marks.DeviceMarks(ctx, u, device, convs)
	if err != nil || len(marks) != len(convs) {
		g.m.cacheErrors.Inc()
		return make([]Mark, len(convs))
	}
	return marks
}

// place puts a cursor in a conversation in which the connection has none, or one that the user has left.
func (c *conn) place(v store.Conv, at cursor) {
	at.conv = v
	c.mu.Lock()
	old := c.cursors[v]
	if c.finished || c.cursors == nil || (old != nil && !old.left) {
		c.mu.Unlock()
		return
	}
	cur := &at
	if old != nil {
		// Back after having left: what was sent stays sent.
		cur.sent, cur.target = max(at.sent, old.sent), old.target
		cur.delivered, cur.read, cur.repeated = old.delivered, old.read, old.repeated
	}
	c.cursors[v] = cur
	c.mu.Unlock()

	c.enter(v)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live && cur.unplaced {
		c.wantPull(cur)
	}
}

// join adds the conversation after the entry at seq made the user a member: sent is seq−1 then and a delivery may go on from there.
func (c *conn) join(v store.Conv, seq uint64) {
	c.mu.Lock()
	cur := c.cursors[v]
	known := cur != nil && !cur.left
	c.mu.Unlock()
	if !known {
		c.place(v, cursor{sent: seq - 1, target: seq, away: true})
	}
}

// joinSomewhere adds the conversation when only the fact of the membership is known.
func (c *conn) joinSomewhere(v store.Conv) {
	c.mu.Lock()
	cur := c.cursors[v]
	known := cur != nil && !cur.left
	c.mu.Unlock()
	if !known {
		c.place(v, cursor{unplaced: true})
	}
}

// goLive lets entries follow the welcome and pulls every conversation.
func (c *conn) goLive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live, c.liveAt = true, time.Now().UnixMilli()
	for _, cur := range c.cursors {
		c.wantPull(cur)
	}
}

// deliver takes a batch that was just committed, or notes that there is something to pull.
func (c *conn) deliver(d *delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cur := c.cursors[d.conv]
	switch {
	case cur == nil || cur.left || c.finished || d.last <= cur.sent:
	case !c.live || cur.queued || cur.unplaced || d.first != cur.sent+1 || d.removed[c.user.ID()] ||
		(cur.away && !d.begins(c.user.ID())):
		c.raise(cur, d.last)
	case c.push(d.encoded(), protocol.TypeEntries):
		cur.sent, cur.away, cur.large = d.last, false, d.large
		cur.target = max(cur.target, d.last)
		c.awaitDelivery(cur, d.newest)
	}
}

// announce notes that the conversation has come as far as seq.
func (c *conn) announce(v store.Conv, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cur := c.cursors[v]; cur != nil && !cur.left {
		c.raise(cur, seq)
	}
}

// raise sets a target and pulls when it is ahead. conn.mu is held.
func (c *conn) raise(cur *cursor, seq uint64) {
	cur.target = max(cur.target, seq)
	if c.live && cur.target > cur.sent {
		c.wantPull(cur)
	}
}

// position returns how far the connection was sent the conversation.
func (c *conn) position(v store.Conv) (sent uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cur := c.cursors[v]
	if cur == nil || cur.left || cur.unplaced {
		return 0, false
	}
	return cur.sent, true
}
