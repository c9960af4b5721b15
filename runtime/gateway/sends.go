package gateway

import (
	"math"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	defaultRetryMS = 250
	// maxOutlets bounds the conversations of a connection with sends or refusals.
	maxOutlets = 1024
	// pendingRetryMS goes with a refusal for too many sends without an answer.
	pendingRetryMS = 100

	refusedBefore = "a message before it was refused"
)

// onSend validates what asks for an entry (send, edit, delete, react) and forwards it in its turn.
func (c *conn) onSend(f *protocol.ClientFrame) {
	v, s, code, detail := c.newSend(f)
	if code != "" {
		c.sendError(f.Conversation, f.ClientMsgID, code, detail, 0)
		return
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
	if o.gate.holds(f.ClientMsgID) {
		c.holdBack(o, f.Conversation, f.ClientMsgID)
		return
	}
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
	o.waiting = append(o.waiting, s)
	c.forward(v, o)
}

// newSend makes the chat service's request of a frame, or says what is wrong with its form.
func (c *conn) newSend(f *protocol.ClientFrame) (store.Conv, *chatpb.Send, protocol.Code, string) {
	v, err := store.NewConv(c.user.Tenant(), f.Conversation)
	switch {
	case err != nil:
		return v, nil, protocol.CodeInvalid, err.Error()
	case f.ClientMsgID == "":
		return v, nil, protocol.CodeInvalid, "client_msg_id is empty"
	case len(f.ClientMsgID) > protocol.MaxClientMsgIDBytes:
		return v, nil, protocol.CodeInvalid, "client_msg_id is too long"
	case !utf8.ValidString(f.ClientMsgID):
		return v, nil, protocol.CodeInvalid, "not UTF-8"
	case f.Type != protocol.TypeSend && f.Target == 0:
		return v, nil, protocol.CodeInvalid, "target is missing"
	}
	s := &chatpb.Send{
		Tenant: string(v.Tenant()), Conversation: v.ID(), User: c.user.ID(), Device: c.device,
		ClientMsgId: f.ClientMsgID, AfterSeq: f.AfterSeq,
	}
	var code protocol.Code
	switch f.Type {
	case protocol.TypeEdit:
		code, err = protocol.CheckBody(f.Body)
		s.Change = &chatpb.Send_Edited{Edited: &logpb.Edited{Target: f.Target, Body: f.Body}}
	case protocol.TypeDelete:
		s.Change = &chatpb.Send_Deleted{Deleted: &logpb.Deleted{Target: f.Target}}
	case protocol.TypeReact:
		if err = protocol.CheckEmoji(f.Emoji); err != nil {
			code = protocol.CodeInvalid
		}
		s.Change = &chatpb.Send_Reacted{Reacted: &logpb.Reacted{Target: f.Target, Emoji: f.Emoji, Removed: f.Removed}}
	default:
		code, err = protocol.CheckBody(f.Body)
		s.Body = f.Body
	}
	if err != nil {
		return v, nil, code, err.Error()
	}
	return v, s, "", ""
}

// throttle returns how long the sender must wait, or 0: for its own sake, or for what the user's other connections send. conn.mu is
// held.
func (c *conn) throttle() time.Duration {
	if c.sendRate == nil {
		c.sendRate = rate.NewLimiter(c.g.o.Limits.SendRate, c.g.o.Limits.SendBurst)
	}
	// Of one moment: what could be had at once is given back only as of then.
	now := time.Now()
	own, user := c.sendRate.ReserveN(now, 1), c.userRate.ReserveN(now, 1)
	wait := max(own.DelayFrom(now), user.DelayFrom(now))
	if wait > 0 {
		user.CancelAt(now)
		own.CancelAt(now)
	}
	return wait
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
