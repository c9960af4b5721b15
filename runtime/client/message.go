package client

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Ack says where a message ended up.
type Ack struct {
	Conversation string
	ClientMsgID  string
	Seq          uint64
	At           time.Time
}

// Message is a message on its way, or a change of one.
type Message struct {
	conversation string
	id           string
	frame        protocol.ClientFrame // what it says, without the three
	after        *uint64
	attempts     int
	flying       bool // it is on the wire, and its answer is to come

	done chan struct{}
	ack  Ack
	err  error
}

// ID is the message's client_msg_id.
func (m *Message) ID() string { return m.id }

// Wait returns the answer. When ctx ends first the message is still on its way.
func (m *Message) Wait(ctx context.Context) (Ack, error) {
	select {
	case <-m.done:
		return m.ack, m.err
	case <-ctx.Done():
		return Ack{}, ctx.Err()
	}
}

// Send sends a message and waits until it is acknowledged or refused for good (*Error). When ctx ends first, the message is still on
// its way: the outbox goes on.
func (c *Client) Send(ctx context.Context, conversation, body string) (Ack, error) {
	m, err := c.Enqueue(conversation, body)
	if err != nil {
		return Ack{}, err
	}
	return m.Wait(ctx)
}

// Edit replaces the body of a message of the user's own, and waits like Send.
func (c *Client) Edit(ctx context.Context, conversation string, target uint64, body string) (Ack, error) {
	return c.change(ctx, conversation, edit(target, body))
}

// Delete deletes a message for everybody, and waits like Send.
func (c *Client) Delete(ctx context.Context, conversation string, target uint64) (Ack, error) {
	return c.change(ctx, conversation, deletion(target))
}

// React adds a reaction to a message, or removes it, and waits like Send.
func (c *Client) React(ctx context.Context, conversation string, target uint64, emoji string, removed bool) (Ack, error) {
	return c.change(ctx, conversation, reaction(target, emoji, removed))
}

func (c *Client) change(ctx context.Context, conversation string, f protocol.ClientFrame) (Ack, error) {
	m, err := c.enqueue(conversation, f)
	if err != nil {
		return Ack{}, err
	}
	return m.Wait(ctx)
}

// Enqueue puts a message into the outbox, behind those of the same conversation. It fails when the outbox is full or the client has
// ended.
func (c *Client) Enqueue(conversation, body string) (*Message, error) {
	return c.enqueue(conversation, protocol.ClientFrame{Type: protocol.TypeSend, Body: body})
}

// EnqueueEdit is Edit without the wait; see Enqueue.
func (c *Client) EnqueueEdit(conversation string, target uint64, body string) (*Message, error) {
	return c.enqueue(conversation, edit(target, body))
}

// EnqueueDelete is Delete without the wait; see Enqueue.
func (c *Client) EnqueueDelete(conversation string, target uint64) (*Message, error) {
	return c.enqueue(conversation, deletion(target))
}

// EnqueueReact is React without the wait; see Enqueue.
func (c *Client) EnqueueReact(conversation string, target uint64, emoji string, removed bool) (*Message, error) {
	return c.enqueue(conversation, reaction(target, emoji, removed))
}

func edit(target uint64, body string) protocol.ClientFrame {
	return protocol.ClientFrame{Type: protocol.TypeEdit, Target: target, Body: body}
}

func deletion(target uint64) protocol.ClientFrame {
	return protocol.ClientFrame{Type: protocol.TypeDelete, Target: target}
}

func reaction(target uint64, emoji string, removed bool) protocol.ClientFrame {
	return protocol.ClientFrame{Type: protocol.TypeReact, Target: target, Emoji: emoji, Removed: removed}
}

func (c *Client) enqueue(conversation string, f protocol.ClientFrame) (*Message, error) {
	if len(f.Body) > protocol.MaxBodyBytes {
		return nil, &Error{Code: protocol.CodeTooLarge}
	}
	m := &Message{
		conversation: conversation, id: uuid.NewString(), frame: f, after: c.afterSeq(conversation), done: make(chan struct{}),
	}
	if err := c.box.add(m); err != nil {
		return nil, err
	}
	c.nudge()
	return m, nil
}
