package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	helloTimeout = 15 * time.Second
	writeTimeout = 10 * time.Second
	// heldWell is how long a connection held that was a good one: waits begin anew.
	heldWell = 5 * time.Second
	// maxFrameBytes bounds a server's frame: 32 entries of 16 KiB, escaped, fit.
	maxFrameBytes = 8 << 20
)

// supervise keeps a connection up until the client ends.
func (c *Client) supervise() {
	limit := c.o.MinBackoff
	for {
		s := &session{c: c}
		err := s.run(c.ctx)
		if c.isClosing() || c.ctx.Err() != nil {
			c.fail(ErrClosed)
			return
		}
		if s.welcomed && time.Since(s.welcomedAt) >= heldWell {
			limit = c.o.MinBackoff
		}
		if s.welcomed && c.o.OnState != nil {
			c.o.OnState(err)
		}
		if fatal := s.verdict(err); fatal != nil {
			c.fail(fatal)
			return
		}
		c.box.note(err)
		c.o.Logger.Debug("not connected", "error", err)
		// Full jitter (a random part of a doubling limit) on top of what the gateway asked for.
		wait := s.back + rand.N(limit)
		limit = min(2*limit, c.o.MaxBackoff)
		t := time.NewTimer(wait)
		select {
		case <-c.ctx.Done():
		case <-c.closing:
		case <-t.C:
		}
		t.Stop()
		if c.isClosing() || c.ctx.Err() != nil {
			c.fail(ErrClosed)
			return
		}
	}
}

// session is one connection.
type session struct {
	c        *Client
	ws       *websocket.Conn
	welcomed bool
	// welcomedAt counts where welcomed is true.
	welcomedAt time.Time
	back       time.Duration // the drain's hint
	refusal    *Error        // what was said before the close
}

// verdict returns why the client must give up, nil to come back.
func (s *session) verdict(err error) error {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		code := protocol.CloseCode(closed.Code)
		if code.Reconnect() {
			return nil
		}
		ce := &CloseError{Code: code, Reason: closed.Text}
		if s.refusal != nil {
			return errors.Join(ce, s.refusal)
		}
		return ce
	}
	var e *Error
	if errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && !temporary(err) {
		return err
	}
	return nil
}

// run connects, says hello and reads until the connection ends.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.connect(ctx); err != nil {
		return err
	}
	var pump sync.WaitGroup
	defer pump.Wait()
	defer func() { _ = s.ws.Close() }()
	defer cancel()
	// Reading is ended by closing the socket: a read knows no context.
	unblock := context.AfterFunc(ctx, func() { _ = s.ws.Close() })
	defer unblock()

	hello := time.AfterFunc(helloTimeout, cancel)
	defer hello.Stop()
	for {
		_, data, err := s.ws.ReadMessage()
		if err != nil {
			return err
		}
		s.extend()
		f := new(protocol.ServerFrame)
		if err := json.Unmarshal(data, f); err != nil {
			return fmt.Errorf("a frame of the gateway cannot be read: %w", err)
		}
		if f.Type == protocol.TypeWelcome && !s.welcomed {
			hello.Stop()
			s.welcome(f)
			defer s.c.live.end()
			pump.Go(func() { s.pump(ctx) })
			continue
		}
		if err := s.take(ctx, f); err != nil {
			return err
		}
	}
}

func (s *session) extend() { _ = s.ws.SetReadDeadline(time.Now().Add(s.c.o.IdleTimeout)) }

func (s *session) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	o := &s.c.o
	token, err := o.Token(ctx)
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	dialer := *o.Dialer
	dialer.Subprotocols = []string{protocol.Subprotocol}
	ws, res, err := dialer.DialContext(ctx, s.c.url, nil) //nolint:bodyclose // the library has read the body and closed it
	if err != nil {
		if res != nil && res.StatusCode != http.StatusSwitchingProtocols {
			body, _ := io.ReadAll(res.Body) // the library keeps the first KiB
			return problemOf(res, body)
		}
		return fmt.Errorf("connect: %w", err)
	}
	s.ws = ws
	ws.SetReadLimit(maxFrameBytes)
	s.extend()
	ws.SetPingHandler(func(data string) error {
		s.extend()
		err := ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
		if errors.Is(err, websocket.ErrCloseSent) {
			return nil
		}
		return err
	})
	err = s.write(&protocol.ClientFrame{Type: protocol.TypeHello, Token: token, Device: o.Device, Platform: o.Platform, Locale: o.Locale})
	if err != nil {
		_ = ws.Close()
		return fmt.Errorf("say hello: %w", err)
	}
	return nil
}

func (s *session) write(f *protocol.ClientFrame) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_ = s.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
	return s.ws.WriteMessage(websocket.TextMessage, data)
}

func (s *session) welcome(f *protocol.ServerFrame) {
	c := s.c
	s.welcomed, s.welcomedAt = true, time.Now()
	c.box.rewind()
	c.marks.rewind()
	c.live.begin()
	c.mu.Lock()
	first := !c.greeted
	c.greeted, c.user = true, f.User
	c.mu.Unlock()
	if first {
		close(c.welcome)
	}
	if c.o.OnState != nil {
		c.o.OnState(nil)
	}
}

// take acts on a frame: answers at once, the rest behind what the handlers have not had yet.
func (s *session) take(ctx context.Context, f *protocol.ServerFrame) error {
	c := s.c
	switch f.Type {
	case protocol.TypeAck:
		c.know(f.Conversation, f.Seq)
		c.box.settle(f.Conversation, f.ClientMsgID, ackOf(f.Conversation, f.ClientMsgID, f.Seq, f.AtMS), nil)
		c.nudge()
	case protocol.TypeError:
		s.onError(f)
	case protocol.TypeDrain:
		s.back = time.Duration(f.ReconnectAfterMS) * time.Millisecond
	case protocol.TypeHistory:
		c.live.answer(f.Ref, answered{frame: f})
	case protocol.TypeToken:
		if f.Ref == "" {
			c.wg.Go(func() { c.refresh(ctx) })
			break
		}
		c.live.answer(f.Ref, answered{frame: f})
	case protocol.TypeEntries, protocol.TypeGap, protocol.TypeReceipt, protocol.TypeTyping, protocol.TypePresence:
		select {
		case c.in <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *session) onError(f *protocol.ServerFrame) {
	c := s.c
	after := time.Duration(f.RetryAfterMS) * time.Millisecond
	switch {
	case f.Ref != "":
		c.live.answer(f.Ref, answered{err: &Error{Code: f.Code, Detail: f.Detail, RetryAfter: after}})
	case f.ClientMsgID == "":
		s.refusal = &Error{Code: f.Code, Detail: f.Detail, RetryAfter: after}
		c.o.Logger.Debug("the gateway refuses a frame", "code", string(f.Code), "detail", f.Detail)
	case f.Code.Retryable():
		c.box.back(f.Conversation, f.ClientMsgID, after, time.Now())
	case f.Code == protocol.CodeRetryTooOld:
		c.resolve(f.Conversation, f.ClientMsgID)
	default:
		c.box.settle(f.Conversation, f.ClientMsgID, Ack{}, &Error{Code: f.Code, Detail: f.Detail, RetryAfter: after})
	}
	c.nudge()
}

// pump writes what the outbox and the marks have, until the connection ends.
func (s *session) pump(ctx context.Context) {
	c := s.c
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		now := time.Now()
		leaving := c.isClosing()
		frames, again := c.marks.take(now, leaving)
		if !leaving {
			sends, later := c.box.take(now)
			frames = append(frames, sends...)
			frames = append(frames, c.live.take()...)
			if again.IsZero() || (!later.IsZero() && later.Before(again)) {
				again = later
			}
		}
		for i := range frames {
			if err := s.write(&frames[i]); err != nil {
				_ = s.ws.Close() // the reader ends with it
				return
			}
		}
		if leaving {
			_ = s.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), now.Add(writeTimeout))
			return
		}
		if !again.IsZero() {
			t.Reset(time.Until(again))
		}
		select {
		case <-ctx.Done():
			return
		case <-c.closing:
		case <-c.wake:
		case <-t.C:
		}
	}
}
