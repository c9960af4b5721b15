package gateway

import (
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// onMark takes a delivered or read mark: no further than what this connection was sent.
func (c *conn) onMark(f *protocol.ClientFrame) {
	v, err := store.NewConv(c.user.Tenant(), f.Conversation)
	if err != nil {
		c.sendError(f.Conversation, "", protocol.CodeInvalid, err.Error(), 0)
		return
	}
	c.mu.Lock()
	cur := c.cursors[v]
	if cur == nil || cur.unplaced {
		c.mu.Unlock()
		c.sendError(f.Conversation, "", protocol.CodeNotMember, "", 0)
		return
	}
	seq := min(f.Seq, cur.sent)
	var delivered, read uint64
	news := f.Type == protocol.TypeRead && seq > cur.read
	if news || f.Type == protocol.TypeRead && !cur.repeated && seq > 0 {
		// What the store has, Kafka may lack since another gateway ended: the first mark of a connection is told again.
		cur.read, cur.repeated = max(cur.read, seq), true
		read = cur.read
	}
	if f.Type == protocol.TypeDelivered && seq > cur.delivered {
		cur.delivered, delivered = seq, seq
	}
	large := cur.large
	c.confirmDelivery(cur, seq)
	c.mu.Unlock()
	if delivered == 0 && read == 0 {
		return
	}
	c.g.marks.raise(c.user, v, c.device, delivered, read)
	// In a large conversation nobody but the user's other devices is told, and of reading alone.
	if large {
		delivered = 0
	}
	if !news {
		read = 0
	}
	if read > 0 && (!large || !c.alone) || delivered > 0 {
		c.g.receipts.add(c.user, v, c.device, delivered, read)
	}
}
