package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	historyPage  = 200
	historyPause = 200 * time.Millisecond
	historyMax   = 5 * time.Second
)

// handleLoop gives the handlers what comes in, in order, until the client ends.
func (c *Client) handleLoop() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case f := <-c.in:
			if err := c.handle(f); err != nil && c.ctx.Err() == nil {
				c.fail(err)
				return
			}
		}
	}
}

func (c *Client) handle(f *protocol.ServerFrame) error {
	switch f.Type {
	case protocol.TypeEntries:
		return c.onEntries(f.Conversation, f.Entries)
	case protocol.TypeGap:
		return c.onGap(f.Conversation, f.From, f.To)
	case protocol.TypeReceipt:
		if c.o.OnReceipt != nil {
			c.o.OnReceipt(f.Conversation, f.User, f.Read)
		}
	case protocol.TypeTyping:
		if c.o.OnTyping != nil {
			c.o.OnTyping(f.Conversation, f.User, f.Active)
		}
	case protocol.TypePresence:
		if c.o.OnPresence != nil {
			c.o.OnPresence(f.Presence)
		}
	}
	return nil
}

// position is the last seq that the handler has had; before anything, the one before first.
func (c *Client) position(conversation string, first uint64) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq, ok := c.seen[conversation]; ok {
		return seq
	}
	return max(first, 1) - 1
}

// onEntries passes on what is new, after what is missing before it.
func (c *Client) onEntries(conversation string, entries []protocol.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	seen := c.position(conversation, entries[0].Seq)
	for len(entries) > 0 && entries[0].Seq <= seen {
		entries = entries[1:]
	}
	if len(entries) == 0 {
		// The gateway does not know yet how far this device is.
		c.marks.raise(conversation, seen, 0, true)
		c.nudge()
		return nil
	}
	if first := entries[0].Seq; first > seen+1 {
		if err := c.fetch(conversation, seen, first-1); err != nil {
			return err
		}
	}
	return c.pass(conversation, entries)
}

// onGap fetches what the gateway leaves to the history, unless the application wants to.
func (c *Client) onGap(conversation string, from, to uint64) error {
	seen := c.position(conversation, from)
	if to <= seen {
		c.marks.raise(conversation, seen, 0, true)
		c.nudge()
		return nil
	}
	if c.o.OnGap != nil && c.o.OnGap(conversation, seen+1, to) {
		return c.reached(conversation, to)
	}
	return c.fetch(conversation, seen, to)
}

// fetch passes on the history after one seq up to another. What it does not show is not for this user.
func (c *Client) fetch(conversation string, after, to uint64) error {
	pause := historyPause
	for after < to {
		at := after
		page, err := c.History(c.ctx, conversation, Range{After: &at, Limit: historyPage})
		var e *Error
		switch {
		case errors.As(err, &e) && (e.Code == protocol.CodeNotMember || e.Code == protocol.CodeNotFound):
			return c.reached(conversation, to)
		case err != nil && !temporary(err):
			return fmt.Errorf("fetch what is missing: %w", err)
		case err != nil:
			if err := c.wait(pause); err != nil {
				return err
			}
			pause = min(2*pause, historyMax)
			continue
		}
		entries := page.Entries
		for len(entries) > 0 && entries[len(entries)-1].Seq > to {
			entries = entries[:len(entries)-1]
		}
		if len(entries) > 0 {
			if err := c.pass(conversation, entries); err != nil {
				return err
			}
			after = entries[len(entries)-1].Seq
		}
		if len(entries) < len(page.Entries) || !page.More || len(page.Entries) == 0 {
			break
		}
	}
	return c.reached(conversation, to)
}

// pass calls the handler, which must not see gaps as one piece: entries may lack some in between.
func (c *Client) pass(conversation string, entries []protocol.Entry) error {
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && entries[n].Seq == entries[n-1].Seq+1 {
			n++
		}
		if c.o.OnEntries != nil {
			c.o.OnEntries(conversation, entries[:n:n])
		}
		if err := c.reached(conversation, entries[n-1].Seq); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// reached remembers and confirms.
func (c *Client) reached(conversation string, seq uint64) error {
	if c.o.State != nil {
		if err := c.o.State.Save(c.ctx, conversation, seq); err != nil {
			return fmt.Errorf("client: save the state: %w", err)
		}
	}
	c.mu.Lock()
	c.seen[conversation] = max(c.seen[conversation], seq)
	c.known[conversation] = max(c.known[conversation], seq)
	c.mu.Unlock()
	c.marks.raise(conversation, seq, 0, false)
	c.nudge()
	return nil
}

// wait waits unless the client ends.
func (c *Client) wait(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.ctx.Done():
		return c.ctx.Err()
	case <-t.C:
		return nil
	}
}
