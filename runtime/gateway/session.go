package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// minOffer and maxOffer bound how long before its expiry a token's refresh is offered: a fifth of its life between them.
	minOffer = time.Minute
	maxOffer = 5 * time.Minute
)

// session is the token that a connection lives by. conn.mu guards it.
type session struct {
	by Principal
	// offerAt is when a refresh is offered, zero when it has been; closeAt is the expiry with the skew. Both are zero for a
	// token without an expiry.
	offerAt, closeAt time.Time
}

// newSession begins with p at now.
func newSession(p Principal, now time.Time) session {
	s := session{by: p}
	if p.Expires.IsZero() {
		return s
	}
	life := p.Expires.Sub(now)
	lead := max(minOffer, min(life/5, maxOffer))
	if lead >= life {
		lead = life / 5
	}
	s.offerAt, s.closeAt = p.Expires.Add(-lead), p.Expires.Add(auth.Skew)
	return s
}

// next is when something is to be done, zero for never.
func (s *session) next() time.Time {
	if !s.offerAt.IsZero() {
		return s.offerAt
	}
	return s.closeAt
}

func expiresMS(p Principal) int64 {
	if p.Expires.IsZero() {
		return 0
	}
	return p.Expires.UnixMilli()
}

// watchToken offers a refresh or closes when it is time. It says whether the connection goes on. conn.mu is held.
func (c *conn) watchToken(now time.Time) bool {
	s := &c.session
	switch {
	case !s.closeAt.IsZero() && !now.Before(s.closeAt):
		c.pushFrame(&protocol.ServerFrame{Type: protocol.TypeError, Code: protocol.CodeTokenExpired})
		c.close(protocol.CloseTokenExpired, "the token has expired")
		return false
	case !s.offerAt.IsZero() && !now.Before(s.offerAt):
		s.offerAt = time.Time{}
		c.pushFrame(&protocol.ServerFrame{Type: protocol.TypeToken, ExpiresAtMS: expiresMS(s.by)})
	}
	return true
}

// onToken takes a new token of the same user. The verifier may have to fetch keys, so it is asked beside the workers.
func (c *conn) onToken(f *protocol.ClientFrame) {
	if len(f.Ref) > protocol.MaxRefBytes {
		c.refError(f, protocol.CodeInvalid, "ref is too long", 0)
		return
	}
	c.mu.Lock()
	taken := c.finished || c.refreshing
	c.refreshing = true
	c.mu.Unlock()
	if taken {
		c.refError(f, protocol.CodeBusy, "another token is being verified", defaultRetryMS)
		return
	}
	c.g.conns.Go(func() { c.refresh(f) })
}

// refresh judges the token, takes it and answers.
func (c *conn) refresh(f *protocol.ClientFrame) {
	p, refused := c.judge(f)
	c.mu.Lock()
	c.refreshing = false // before the answer: whoever has it may ask again
	if c.finished {
		c.mu.Unlock()
		return
	}
	if refused != nil {
		c.pushFrame(refused)
		c.mu.Unlock()
		return
	}
	// One that expires sooner is taken too: the client may have a reason, such as a token that is about to be revoked.
	c.session = newSession(p, time.Now())
	if c.timer != nil {
		c.timer.Reset(c.nextTick())
	}
	c.pushFrame(&protocol.ServerFrame{Type: protocol.TypeToken, Ref: f.Ref, ExpiresAtMS: expiresMS(p)})
	c.mu.Unlock()
	c.g.audit.accepted(p, c.device)
	c.recheck() // a revocation that came after the token was judged found the old one
}

// judge returns the new principal or the error frame that says why there is none.
func (c *conn) judge(f *protocol.ClientFrame) (Principal, *protocol.ServerFrame) {
	ctx, cancel := context.WithTimeout(c.ctx, c.g.o.Limits.HelloTimeout)
	defer cancel()
	p, err := c.g.verify(ctx, f.Token)
	if err == nil {
		err = c.g.mayUse(p, c.device)
	}
	switch {
	case errors.Is(err, errOtherDevice):
		return p, refErrorFrame(f, protocol.CodeForbidden, err.Error(), 0)
	case err != nil:
		code, _ := authCodes(err)
		retryMS := uint32(0)
		if code.Retryable() {
			retryMS = defaultRetryMS
		}
		return p, refErrorFrame(f, code, "", retryMS)
	case p.User != c.user:
		return p, refErrorFrame(f, protocol.CodeForbidden, "the token is another user's", 0)
	}
	return p, nil
}

// refError answers a frame that has a ref.
func (c *conn) refError(f *protocol.ClientFrame, code protocol.Code, detail string, retryMS uint32) {
	c.pushFrame(refErrorFrame(f, code, detail, retryMS))
}

func refErrorFrame(f *protocol.ClientFrame, code protocol.Code, detail string, retryMS uint32) *protocol.ServerFrame {
	return &protocol.ServerFrame{
		Type: protocol.TypeError, Ref: clip(f.Ref, protocol.MaxRefBytes), Conversation: clip(f.Conversation, store.MaxIDBytes),
		Code: code, Detail: detail, RetryAfterMS: retryMS,
	}
}
