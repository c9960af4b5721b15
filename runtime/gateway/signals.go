package gateway

import (
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxTyping bounds the conversations in which one connection says that its user writes.
const maxTyping = 32

// onTyping tells the others that the user writes, at most once in TypingEvery, or has stopped, once after each of those. What is
// too much is dropped without a word: the next one comes soon.
func (c *conn) onTyping(f *protocol.ClientFrame) {
	v, err := store.NewConv(c.user.Tenant(), f.Conversation)
	if err != nil {
		c.sendError(f.Conversation, "", protocol.CodeInvalid, err.Error(), 0)
		return
	}
	c.mu.Lock()
	cur := c.cursors[v]
	member := cur != nil && !cur.unplaced && !cur.away && !cur.left
	passes := member && c.mayType(v, f.Active, time.Now())
	c.mu.Unlock()
	switch {
	case !member:
		c.sendError(f.Conversation, "", protocol.CodeNotMember, "", 0)
	case passes:
		c.g.chat.Signal(&chatpb.Signal{
			Tenant: string(v.Tenant()), Conversation: v.ID(), User: c.user.ID(), Device: c.device,
			Kind: &chatpb.Signal_Typing{Typing: &chatpb.Typing{Active: f.Active}},
		})
	}
}

// typing is what the connection has said of a conversation.
type typing struct {
	at     time.Time
	active bool
}

// mayType notes what is said and whether it is passed on. conn.mu is held.
func (c *conn) mayType(v store.Conv, active bool, now time.Time) bool {
	last, ok := c.typing[v]
	if !active {
		if !last.active {
			return false
		}
		c.typing[v] = typing{at: last.at}
		return true
	}
	if ok && now.Sub(last.at) < protocol.TypingEvery {
		return false
	}
	if c.typing == nil {
		c.typing = map[store.Conv]typing{}
	}
	if !ok && len(c.typing) >= maxTyping {
		for other, t := range c.typing {
			if now.Sub(t.at) >= protocol.TypingEvery {
				delete(c.typing, other)
			}
		}
		if len(c.typing) >= maxTyping {
			return false
		}
	}
	c.typing[v] = typing{at: now, active: true}
	return true
}

// Signal hands what a chat pod passes on to the members who are connected here, all but the device that it comes from.
func (g *Gateway) Signal(in *chatpb.Signal) {
	v, err := store.NewConv(store.Tenant(in.GetTenant()), in.GetConversation())
	if err != nil {
		return
	}
	u, err := store.NewUser(v.Tenant(), in.GetUser())
	if err != nil {
		return
	}
	f := &protocol.ServerFrame{Conversation: v.ID(), User: u.ID()}
	switch {
	case in.GetTyping() != nil:
		f.Type, f.Active = protocol.TypeTyping, in.GetTyping().GetActive()
	case in.GetReceipt() != nil:
		f.Type, f.Delivered, f.Read = protocol.TypeReceipt, in.GetReceipt().GetDelivered(), in.GetReceipt().GetRead()
	default:
		return // a newer pod's
	}
	frame := encode(f)
	tell := func(c *conn) {
		if c.user != u || c.device != in.GetDevice() {
			c.hint(v, frame, f.Type)
		}
	}
	if !in.GetOwn() {
		g.hub.eachConn(v, tell)
		return
	}
	for _, c := range g.hub.userConns(u) {
		tell(c)
	}
}

// hint pushes a frame that may get lost to a member, unless the connection is behind with what matters more.
func (c *conn) hint(v store.Conv, frame []byte, kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cur := c.cursors[v]
	if c.live && cur != nil && !cur.away && !cur.left && c.out.roomFor(len(frame)) == nil {
		c.push(frame, kind)
	}
}
