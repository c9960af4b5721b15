package client

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// maxFlying is how many messages are sent without an answer: below the gateway's bound of 64.
	maxFlying = 48
	retryMin  = 50 * time.Millisecond
	retryMax  = 5 * time.Second
)

// outbox holds the messages without an answer, in order by conversation.
type outbox struct {
	mu    sync.Mutex
	max   int
	count int
	// flying is how many are on the wire and have their answer to come.
	flying int
	lanes  map[string]*lane
	// fails counts retryable errors in a row.
	fails   int
	ended   error
	problem error
}

// lane is a conversation's part. messages[:next] are sent; what is behind a refused one is to be sent again.
type lane struct {
	messages []*Message
	next     int
	until    time.Time // nothing is sent before
	paused   bool      // the first message's fate is being looked up
}

func newOutbox(limit int) outbox { return outbox{max: limit, lanes: map[string]*lane{}} }

func (b *outbox) add(m *Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended != nil:
		return b.ended
	case b.count >= b.max:
		return ErrOutboxFull
	}
	l := b.lanes[m.conversation]
	if l == nil {
		l = &lane{}
		b.lanes[m.conversation] = l
	}
	l.messages = append(l.messages, m)
	b.count++
	return nil
}

// take returns what may go on the wire now, and when to look again if something waits for its time.
func (b *outbox) take(now time.Time) (send []protocol.ClientFrame, again time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lanes {
		if l.next == len(l.messages) || l.paused {
			continue
		}
		if now.Before(l.until) {
			if again.IsZero() || l.until.Before(again) {
				again = l.until
			}
			continue
		}
		for l.next < len(l.messages) && b.flying < maxFlying {
			m := l.messages[l.next]
			if m.flying {
				break // with two answers to come nobody could tell which is which
			}
			m.attempts++
			m.flying = true
			b.flying++
			f := m.frame
			f.Conversation, f.ClientMsgID, f.AfterSeq = m.conversation, m.id, m.after
			send = append(send, f)
			l.next++
		}
	}
	return send, again
}

// rewind has everything without an answer sent again: the connection is new.
func (b *outbox) rewind() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lanes {
		l.next, l.until = 0, time.Time{}
		for _, m := range l.messages {
			m.flying = false
		}
	}
	b.flying = 0
}

// answered notes that an answer has come. The lock is held.
func (b *outbox) answered(m *Message) {
	if m.flying {
		m.flying = false
		b.flying--
	}
}

// find returns the message and its place, or nil.
func (b *outbox) find(conversation, id string) (*lane, int) {
	l := b.lanes[conversation]
	if l == nil {
		return nil, -1
	}
	for i, m := range l.messages {
		if m.id == id {
			return l, i
		}
	}
	return nil, -1
}

// settle ends a message with an ack or an error. It says whether there was such a message.
func (b *outbox) settle(conversation, id string, ack Ack, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, i := b.find(conversation, id)
	if l == nil {
		return false
	}
	m := l.messages[i]
	b.answered(m)
	l.messages = append(l.messages[:i:i], l.messages[i+1:]...)
	if i < l.next {
		l.next--
	}
	if len(l.messages) == 0 {
		delete(b.lanes, conversation)
	}
	b.count--
	b.fails = 0
	m.ack, m.err = ack, err
	close(m.done)
	return true
}

// back goes back to a refused message after a while. What the gateway refuses behind it is refused because of it and changes
// nothing more.
func (b *outbox) back(conversation, id string, after time.Duration, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, i := b.find(conversation, id)
	if l == nil {
		return
	}
	b.answered(l.messages[i])
	if i >= l.next {
		return
	}
	l.next = i
	b.fails++
	wait := min(retryMin<<min(b.fails, 10), retryMax)
	l.until = now.Add(after + rand.N(wait))
}

// pause stops a conversation at a message whose fate must be looked up, and returns it.
func (b *outbox) pause(conversation, id string) *Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, i := b.find(conversation, id)
	if l == nil {
		return nil
	}
	b.answered(l.messages[i])
	if l.paused {
		return nil
	}
	l.next, l.paused = min(l.next, i), true
	return l.messages[i]
}

// resume goes on, with a fresh after_seq for the message.
func (b *outbox) resume(m *Message, after *uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l, i := b.find(m.conversation, m.id); l != nil {
		l.messages[i].after = after
	}
	if l := b.lanes[m.conversation]; l != nil {
		l.paused = false
	}
}

func (b *outbox) failAll(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended == nil {
		b.ended = err
	}
	for _, l := range b.lanes {
		for _, m := range l.messages {
			m.err = err
			close(m.done)
		}
	}
	b.lanes, b.count, b.flying = map[string]*lane{}, 0, 0
}

// note keeps what went wrong last, for a Dial that runs out of time.
func (b *outbox) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problem = err
}

func (b *outbox) lastProblem() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.problem
}
