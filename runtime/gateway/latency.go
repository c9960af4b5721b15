package gateway

import (
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// newest is the last message among entries that were sent to a client together; seq 0: none.
type newest struct {
	seq    uint64
	atMS   int64
	sender string
}

func newestOf(entries []*logpb.Entry) newest {
	for i := len(entries) - 1; i >= 0; i-- {
		if e := entries[i]; e.GetMessage() != nil {
			return newest{e.GetSeq(), e.GetAtMs(), e.GetSender()}
		}
	}
	return newest{}
}

// awaitDelivery has the time until the client confirms the message measured, one at a time in a conversation: what is sent until then is not
// measured, so a connection is asked to remember no more. Nor is what was written before the client was here, or by its own user. conn.mu is held.
func (c *conn) awaitDelivery(cur *cursor, n newest) {
	if c.g.o.Figures == nil || cur.awaited != 0 || n.seq == 0 || n.atMS <= c.liveAt || n.sender == c.user.ID() {
		return
	}
	cur.awaited, cur.awaitedAt = n.seq, n.atMS
}

// confirmDelivery tells of the delivery that is measured, when the client has come as far. conn.mu is held.
func (c *conn) confirmDelivery(cur *cursor, seq uint64) {
	if cur.awaited == 0 || seq < cur.awaited {
		return
	}
	now := time.Now()
	c.g.o.Figures.Delivered(c.user.Tenant(), now, now.Sub(time.UnixMilli(cur.awaitedAt)))
	cur.awaited, cur.awaitedAt = 0, 0
}
