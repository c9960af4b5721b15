package client

import (
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// marksEvery is how long marks are collected: they are cumulative, so one says what ten did.
const marksEvery = 100 * time.Millisecond

// marks are what the client confirms.
type marks struct {
	mu  sync.Mutex
	all map[string]*mark
	// dirty are the conversations with something to tell; since is when the first of them became so.
	dirty map[string]struct{}
	since time.Time
	// recent are those that changed since the last connect: the gateway may have lost them with the connection.
	recent map[string]struct{}
}

// mark is what should be known of a conversation. told is what this connection has been told.
type mark struct {
	delivered, read         uint64
	toldDelivered, toldRead uint64
}

func newMarks() marks {
	return marks{all: map[string]*mark{}, dirty: map[string]struct{}{}, recent: map[string]struct{}{}}
}

// Read says that the user has read everything up to and including seq. It is told to the gateway soon, and again after a reconnect.
func (c *Client) Read(conversation string, seq uint64) {
	c.marks.raise(conversation, 0, seq, false)
	c.nudge()
}

// raise notes marks. With again they are told even if they were before: the gateway has sent the entries once more.
func (s *marks) raise(conversation string, delivered, read uint64, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.all[conversation]
	if m == nil {
		m = &mark{}
		s.all[conversation] = m
	}
	m.delivered, m.read = max(m.delivered, delivered), max(m.read, read)
	if again {
		m.toldDelivered = 0
	}
	if m.delivered > m.toldDelivered || m.read > m.toldRead {
		s.touch(conversation)
		s.recent[conversation] = struct{}{}
	}
}

func (s *marks) touch(conversation string) {
	if len(s.dirty) == 0 {
		s.since = time.Now()
	}
	s.dirty[conversation] = struct{}{}
}

// rewind has recent marks told again.
func (s *marks) rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.all {
		m.toldDelivered, m.toldRead = 0, 0
	}
	for conversation := range s.recent {
		s.touch(conversation)
	}
	clear(s.recent)
	for conversation := range s.dirty {
		s.recent[conversation] = struct{}{}
	}
}

// take returns the frames to send, and when to look again when it is too early. With all it is never too early.
func (s *marks) take(now time.Time, all bool) (send []protocol.ClientFrame, again time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dirty) == 0 {
		return nil, time.Time{}
	}
	if due := s.since.Add(marksEvery); !all && now.Before(due) {
		return nil, due
	}
	for conversation := range s.dirty {
		m := s.all[conversation]
		if m.delivered > m.toldDelivered {
			send = append(send, protocol.ClientFrame{Type: protocol.TypeDelivered, Conversation: conversation, Seq: m.delivered})
		}
		if m.read > m.toldRead {
			send = append(send, protocol.ClientFrame{Type: protocol.TypeRead, Conversation: conversation, Seq: m.read})
		}
		m.toldDelivered, m.toldRead = m.delivered, m.read
	}
	clear(s.dirty)
	return send, time.Time{}
}
