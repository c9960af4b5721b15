package gateway

import (
	"math"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// outlet is one connection's way into one conversation. conn.mu guards it. One send is with a chat pod at a time: two could
// overtake each other when the first is refused.
type outlet struct {
	flying  bool
	waiting []*chatpb.Send
	// gate is the first refused client_msg_id after a retryable error, empty when sends pass. Until it comes again everything is
	// refused with the same code.
	gate     string
	gateCode protocol.Code
	retryMS  uint32
}

const (
	defaultRetryMS = 250
	// maxOutlets bounds the conversations of a connection with sends or refusals.
	maxOutlets = 1024
	// pendingRetryMS goes with a refusal for too many sends without an answer.
	pendingRetryMS = 100
)

// onSend validates a send and forwards it in its turn.
func (c *conn) onSend(f *protocol.ClientFrame) {
	v, code, detail := c.checkSend(f)
	if code != "" {
		c.sendError(f.Conversation, f.ClientMsgID, code, detail, 0)
		return
	}
	s := &chatpb.Send{
		Tenant: string(v.Tenant()), Conversation: v.ID(), User: c.user.ID(), Device: c.device,
		ClientMsgId: f.ClientMsgID, AfterSeq: f.AfterSeq, Body: f.Body,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return
	}
	if len(c.outlets) >= maxOutlets && c.outlets[v] == nil {
		// Forgetting a refusal would let a message overtake: a new connection starts from the first unanswered one.
		c.close(protocol.CloseInternal, "too many conversations wait for a retry")
		return
	}
	o := c.outlet(v)
	if o.gate != "" && o.gate != f.ClientMsgID {
		c.sendError(f.Conversation, f.ClientMsgID, o.gateCode, "a message before it was refused", o.retryMS)
		return
	}
	o.gate = ""
	if c.leaving {
		c.shut(o, s, protocol.CodeUnavailable, defaultRetryMS)
		return
	}
	if c.pending >= c.g.o.Limits.MaxPending {
		c.shut(o, s, protocol.CodeBusy, pendingRetryMS)
		return
	}
	if wait := c.throttle(); wait > 0 {
		c.shut(o, s, protocol.CodeRateLimited, uint32(min(wait.Milliseconds()+1, math.MaxUint32)))
		return
	}
	c.pending++
	if o.flying {
		o.waiting = append(o.waiting, s)
		return
	}
	c.forward(v, o, s)
}

// checkSend says what is wrong with a send's form, if anything.
func (c *conn) checkSend(f *protocol.ClientFrame) (store.Conv, protocol.Code, string) {
	v, err := store.NewConv(c.user.Tenant(), f.Conversation)
	switch {
	case err != nil:
		return v, protocol.CodeInvalid, err.Error()
	case f.ClientMsgID == "":
		return v, protocol.CodeInvalid, "client_msg_id is empty"
	case len(f.ClientMsgID) > protocol.MaxClientMsgIDBytes:
		return v, protocol.CodeInvalid, "client_msg_id is too long"
	case f.Body == "":
		return v, protocol.CodeInvalid, "body is empty"
	case len(f.Body) > protocol.MaxBodyBytes:
		return v, protocol.CodeTooLarge, ""
	case !utf8.ValidString(f.Body) || !utf8.ValidString(f.ClientMsgID):
		return v, protocol.CodeInvalid, "not UTF-8"
	}
	return v, "", ""
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

// throttle returns how long the sender must wait, or 0. conn.mu is held.
func (c *conn) throttle() time.Duration {
	if c.sendRate == nil {
		c.sendRate = rate.NewLimiter(c.g.o.Limits.SendRate, c.g.o.Limits.SendBurst)
	}
	r := c.sendRate.Reserve()
	wait := r.Delay()
	if wait > 0 {
		r.Cancel()
	}
	return wait
}

// shut refuses s, and what follows it until it comes again. conn.mu is held.
func (c *conn) shut(o *outlet, s *chatpb.Send, code protocol.Code, retryMS uint32) {
	if retryMS == 0 {
		retryMS = defaultRetryMS
	}
	o.gate, o.gateCode, o.retryMS = s.GetClientMsgId(), code, retryMS
	c.sendError(s.GetConversation(), s.GetClientMsgId(), code, "", retryMS)
}

// forward hands s to the conversation's owner. The result may come at once, on this goroutine, so it is taken on another
// turn of the lock. conn.mu is held.
func (c *conn) forward(v store.Conv, o *outlet, s *chatpb.Send) {
	o.flying = true
	id := s.GetClientMsgId()
	c.mu.Unlock()
	defer c.mu.Lock()
	c.g.chat.Send(s, func(r *chatpb.Result) { c.onResult(v, id, r) })
}

// onResult answers the client and sends what waits behind, unless the result must be retried.
func (c *conn) onResult(v store.Conv, id string, r *chatpb.Result) {
	c.g.m.result(r.GetCode())
	if r.GetCode() == "" {
		// Who writes has read what was there.
		c.g.marks.raise(c.user, v, c.device, 0, r.GetSeq())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return
	}
	o := c.outlet(v)
	o.flying = false
	c.pending--
	code := protocol.Code(r.GetCode())
	switch {
	case code == "":
		c.pushFrame(&protocol.ServerFrame{
			Type: protocol.TypeAck, Conversation: v.ID(), ClientMsgID: id, Seq: r.GetSeq(), AtMS: r.GetAtMs(),
		})
	case code.Retryable():
		c.refuseAll(o, v, id, code, r.GetRetryAfterMs())
	default:
		c.sendError(v.ID(), id, code, r.GetDetail(), 0)
	}
	if len(o.waiting) > 0 {
		next := o.waiting[0]
		o.waiting = o.waiting[1:]
		c.forward(v, o, next)
		return
	}
	o.waiting = nil
	if o.gate == "" && !o.flying {
		delete(c.outlets, v)
	}
	if c.leaving && c.pending == 0 {
		c.close(protocol.CloseDrain, "the gateway is going away")
	}
}

// refuseAll refuses id and, with the same code, what waits behind it, in order. conn.mu is held.
func (c *conn) refuseAll(o *outlet, v store.Conv, id string, code protocol.Code, retryMS uint32) {
	if retryMS == 0 {
		retryMS = defaultRetryMS
	}
	o.gate, o.gateCode, o.retryMS = id, code, retryMS
	c.sendError(v.ID(), id, code, "", retryMS)
	for _, s := range o.waiting {
		c.pending--
		c.sendError(v.ID(), s.GetClientMsgId(), code, "a message before it was refused", retryMS)
	}
	o.waiting = nil
}

// leave closes the connection as soon as its sends are answered, and takes no new ones.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	if c.pending == 0 {
		c.close(protocol.CloseDrain, "the gateway is going away")
	}
}

func (c *conn) sendError(conversation, id string, code protocol.Code, detail string, retryMS uint32) {
	c.pushFrame(&protocol.ServerFrame{
		Type: protocol.TypeError, Conversation: clip(conversation, store.MaxIDBytes), ClientMsgID: clip(id, protocol.MaxClientMsgIDBytes),
		Code: code, Detail: detail, RetryAfterMS: retryMS,
	})
}

// clip bounds what is sent back of what was received.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
