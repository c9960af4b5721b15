package client

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// ErrOffline is returned by what needs a connection now and would be of no use later.
var ErrOffline = errors.New("the client is not connected")

const (
	// maxPosted bounds the frames of a connection that wait for the pump beside messages and marks.
	maxPosted = 64
	// refreshPause is the wait before a refresh that failed is tried again.
	refreshPause = 5 * time.Second
)

// live is what belongs to one connection: it is forgotten with it, but for who is watched.
type live struct {
	mu       sync.Mutex
	up       bool
	posted   []protocol.ClientFrame
	asked    map[string]chan answered
	refs     uint64
	watched  []string
	watching bool
}

// answered is what came for a ref.
type answered struct {
	frame *protocol.ServerFrame
	err   error
}

// begin starts a connection's part: who is watched is told again.
func (l *live) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up, l.posted, l.asked = true, nil, map[string]chan answered{}
	if l.watching {
		l.posted = append(l.posted, protocol.ClientFrame{Type: protocol.TypePresence, Users: l.watched})
	}
}

// end fails whoever waits for an answer.
func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.asked {
		c <- answered{err: ErrOffline}
	}
	l.up, l.posted, l.asked = false, nil, nil
}

func (l *live) take() []protocol.ClientFrame {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.posted
	l.posted = nil
	return out
}

// post queues a frame for the pump. The lock is held.
func (l *live) post(f protocol.ClientFrame) error {
	switch {
	case !l.up:
		return ErrOffline
	case len(l.posted) >= maxPosted:
		return ErrOutboxFull
	}
	l.posted = append(l.posted, f)
	return nil
}

// answer gives an answer to whoever asked with the ref.
func (l *live) answer(ref string, a answered) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.asked[ref]; c != nil {
		delete(l.asked, ref)
		c <- a
	}
}

// ask posts a frame with a ref of its own and waits for what comes back.
func (c *Client) ask(ctx context.Context, f protocol.ClientFrame) (*protocol.ServerFrame, error) {
	l := &c.live
	l.mu.Lock()
	l.refs++
	f.Ref = strconv.FormatUint(l.refs, 36)
	if err := l.post(f); err != nil {
		l.mu.Unlock()
		return nil, err
	}
	back := make(chan answered, 1)
	l.asked[f.Ref] = back
	l.mu.Unlock()
	c.nudge()
	select {
	case a := <-back:
		return a.frame, a.err
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.asked, f.Ref)
		return nil, ctx.Err()
	}
}

// Page returns a page of a conversation, in order of seq, over the socket; History does over REST. ErrOffline when there is no
// connection, or it ends before the answer.
func (c *Client) Page(ctx context.Context, conversation string, r Range) (protocol.HistoryPage, error) {
	f, err := c.ask(ctx, protocol.ClientFrame{
		Type: protocol.TypeHistory, Conversation: conversation, After: r.After, Before: r.Before, Limit: r.Limit,
	})
	if err != nil {
		return protocol.HistoryPage{}, err
	}
	return protocol.HistoryPage{Entries: f.Entries, More: f.More}, nil
}

// Typing tells that the user writes in a conversation, or has stopped. It may get lost. ErrOffline when there is no connection.
func (c *Client) Typing(conversation string, active bool) error {
	c.live.mu.Lock()
	err := c.live.post(protocol.ClientFrame{Type: protocol.TypeTyping, Conversation: conversation, Active: active})
	c.live.mu.Unlock()
	c.nudge()
	return err
}

// Watch has OnPresence told of these users from now on and no others, across reconnects. At most protocol.MaxPresenceUsers.
func (c *Client) Watch(users ...string) error {
	if len(users) > protocol.MaxPresenceUsers {
		return &Error{Code: protocol.CodeInvalid, Detail: "too many users"}
	}
	l := &c.live
	l.mu.Lock()
	l.watched, l.watching = slices.Clone(users), true
	err := l.post(protocol.ClientFrame{Type: protocol.TypePresence, Users: l.watched})
	l.mu.Unlock()
	if errors.Is(err, ErrOffline) {
		err = nil // the next connection tells
	}
	c.nudge()
	return err
}

// refresh brings a new token when the gateway says that the old one is about to expire. What fails is tried again until the
// connection ends: the next one asks for a token anyway.
func (c *Client) refresh(ctx context.Context) {
	for ctx.Err() == nil {
		token, err := c.o.Token(ctx)
		if err == nil {
			_, err = c.ask(ctx, protocol.ClientFrame{Type: protocol.TypeToken, Token: token})
		}
		var refused *Error
		switch {
		case err == nil, errors.Is(err, ErrOffline):
			return
		case errors.As(err, &refused) && !refused.Code.Retryable() && refused.Code != protocol.CodeTokenExpired:
			c.o.Logger.Warn("the new token is refused", "code", string(refused.Code))
			return
		}
		t := time.NewTimer(refreshPause)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}
