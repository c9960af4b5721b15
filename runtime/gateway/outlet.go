package gateway

import (
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// sendWindow is how many sends of one connection into one conversation are with a chat pod at a time.
const sendWindow = 16

// outlet is one connection's way into one conversation. conn.mu guards it.
//
// Up to sendWindow sends are with one pod on one stream. Each names the one before it that has no answer yet: the pod takes it behind
// that one or refuses it, so nothing overtakes what was refused or lost, however long either is under way. Answers are taken in order,
// whatever order they come in, so the client is told in order too.
type outlet struct {
	owner   chatpool.Owner
	flights []*flight
	waiting []*chatpb.Send
	// forwarding says that a goroutine hands sends on: a second one could overtake it.
	forwarding bool
	gate       gate
}

// flight is a send that a pod has.
type flight struct {
	id     string
	at     time.Time
	span   trace.Span // nil where nothing is traced
	result *chatpb.Result
	// told says that the client was told already: one before it was refused.
	told bool
}

// clear says whether one more may follow those in flight. The owner changes with nothing in flight alone: another pod would refuse
// what follows something that it has not taken itself.
func (o *outlet) clear(current chatpool.Owner) bool {
	return len(o.flights) == 0 || len(o.flights) < sendWindow && o.owner == current
}

// previous names the send that the next one follows. Behind those that were refused because of an earlier one it begins anew.
func (o *outlet) previous() string {
	if n := len(o.flights); n > 0 && !o.flights[n-1].told {
		return o.flights[n-1].id
	}
	return ""
}

func (o *outlet) idle() bool {
	return len(o.flights) == 0 && len(o.waiting) == 0 && o.gate.id == "" && !o.forwarding
}

// outlet returns the connection's outlet into v. conn.mu is held.
func (c *conn) outlet(v store.Conv) *outlet {
	o := c.outlets[v]
	if o == nil {
		if c.outlets == nil {
			c.outlets = map[store.Conv]*outlet{}
		}
		o = &outlet{}
		c.outlets[v] = o
	}
	return o
}

// forward hands on what waits, as far as the window allows. conn.mu is held, but not while a send is handed over: its result may
// come at once, on this goroutine.
func (c *conn) forward(v store.Conv, o *outlet) {
	if o.forwarding {
		return
	}
	o.forwarding = true
	for len(o.waiting) > 0 && !c.finished {
		current := c.g.chat.Owner(string(v.Tenant()), v.ID())
		if !o.clear(current) {
			break
		}
		s := o.waiting[0]
		if o.waiting = o.waiting[1:]; len(o.waiting) == 0 {
			o.waiting = nil
		}
		s.Previous = o.previous()
		f := &flight{id: s.GetClientMsgId(), at: time.Now(), span: c.g.beginSend(s)}
		o.owner, o.flights = current, append(o.flights, f)
		c.mu.Unlock()
		current.Send(s, func(r *chatpb.Result) { c.onResult(v, o, f, r) })
		c.mu.Lock()
	}
	o.forwarding = false
	if o.idle() {
		delete(c.outlets, v)
	}
	if c.leaving && c.pending == 0 {
		c.close(protocol.CloseDrain, "the gateway is going away")
	}
}

// onResult answers the client for every send whose turn it is, and sends on.
func (c *conn) onResult(v store.Conv, o *outlet, f *flight, r *chatpb.Result) {
	c.g.m.result(r.GetCode())
	c.g.m.sendSeconds.Observe(time.Since(f.at).Seconds())
	endSend(f.span, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	f.result = r
	if c.finished {
		return
	}
	for len(o.flights) > 0 && o.flights[0].result != nil {
		first := o.flights[0]
		o.flights = o.flights[1:]
		if !first.told {
			c.tellResult(v, o, first)
		}
	}
	c.forward(v, o)
}

// tellResult tells the client what became of a send. conn.mu is held.
func (c *conn) tellResult(v store.Conv, o *outlet, f *flight) {
	c.pending--
	code := protocol.Code(f.result.GetCode())
	switch {
	case code == "":
		c.pushFrame(&protocol.ServerFrame{
			Type: protocol.TypeAck, Conversation: v.ID(), ClientMsgID: f.id, Seq: f.result.GetSeq(), AtMS: f.result.GetAtMs(),
		})
	case code.Retryable():
		c.refuseAll(o, v, f.id, code, f.result.GetRetryAfterMs())
	default:
		// One who is muted learns for how long; nothing else holds back what follows.
		c.sendError(v.ID(), f.id, code, f.result.GetDetail(), f.result.GetRetryAfterMs())
	}
}

// refuseAll refuses id and, with the same code, everything behind it, in order. What is with the pod is refused there too; where id
// got no answer it may be taken after all, and the retry finds it. conn.mu is held.
func (c *conn) refuseAll(o *outlet, v store.Conv, id string, code protocol.Code, retryMS uint32) {
	o.gate.shut(id, code, retryMS)
	c.sendError(v.ID(), id, code, "", o.gate.retryMS)
	behind := func(id string) {
		c.pending--
		c.holdBack(o, v.ID(), id)
	}
	for _, f := range o.flights {
		if !f.told {
			f.told = true
			behind(f.id)
		}
	}
	for _, s := range o.waiting {
		behind(s.GetClientMsgId())
	}
	o.waiting = nil
}

// shut refuses s, and what follows it until it comes again. conn.mu is held.
func (c *conn) shut(o *outlet, s *chatpb.Send, code protocol.Code, retryMS uint32) {
	o.gate.shut(s.GetClientMsgId(), code, retryMS)
	c.sendError(s.GetConversation(), s.GetClientMsgId(), code, "", o.gate.retryMS)
}

// holdBack refuses what the gate holds back. A client that waits for nothing any more starts from its first unanswered one with a new
// connection: to let it pass here could have it overtake. conn.mu is held.
func (c *conn) holdBack(o *outlet, conversation, id string) {
	c.sendError(conversation, id, o.gate.code, refusedBefore, o.gate.retryMS)
	if o.gate.lost(id) {
		c.close(protocol.CloseInternal, "a message was refused and does not come again")
	}
}
