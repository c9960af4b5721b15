package client

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const resolvePause = time.Second

// resolve finds out what became of a message that is too old to be told from a new one: it is in the history, or it was never
// accepted and is sent again with a fresh after_seq.
func (c *Client) resolve(conversation, id string) {
	m := c.box.pause(conversation, id)
	if m == nil {
		return
	}
	c.wg.Go(func() {
		for c.ctx.Err() == nil {
			head, found, err := c.lookUp(c.ctx, m)
			switch {
			case err == nil && found != nil:
				c.box.settle(conversation, id, ackOf(conversation, id, found.Seq, found.AtMS), nil)
				c.box.resume(m, nil)
				c.nudge()
				return
			case err == nil:
				c.know(conversation, head)
				c.box.resume(m, &head)
				c.nudge()
				return
			case !temporary(err):
				c.box.settle(conversation, id, Ack{}, err)
				c.box.resume(m, nil)
				c.nudge()
				return
			}
			if c.wait(resolvePause) != nil {
				return
			}
		}
	})
}

// lookUp searches the history for the message and returns the conversation's head. A message that was sent only once has just been
// refused: it is nowhere.
func (c *Client) lookUp(ctx context.Context, m *Message) (head uint64, found *protocol.Entry, err error) {
	newest, err := c.History(ctx, m.conversation, Range{Limit: 1})
	if err != nil {
		return 0, nil, err
	}
	for _, e := range newest.Entries {
		head = max(head, e.Seq)
	}
	if m.attempts <= 1 {
		return head, nil, nil
	}
	var after uint64
	if m.after != nil {
		after = *m.after
	}
	user := c.User()
	for after < head {
		page, err := c.History(ctx, m.conversation, Range{After: &after, Limit: historyPage})
		if err != nil {
			return 0, nil, err
		}
		for i, e := range page.Entries {
			if e.Sender == user && e.ClientMsgID == m.id {
				return head, &page.Entries[i], nil
			}
			after = e.Seq
		}
		if !page.More || len(page.Entries) == 0 {
			break
		}
	}
	return head, nil, nil
}

func ackOf(conversation, id string, seq uint64, atMS int64) Ack {
	return Ack{Conversation: conversation, ClientMsgID: id, Seq: seq, At: time.UnixMilli(atMS)}
}
