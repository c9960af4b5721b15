package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// BodyBytes is the size of every message's body.
const BodyBytes = 128

// idDigits is how many digits at the start of a body name the message.
const idDigits = 12

// dialing is how many connections are on their way at a time, where a scenario does not ask for a storm.
const dialing = 128

// redialAfter is when a client that was not welcomed tries again.
const redialAfter = 300 * time.Millisecond

// Dialect says how the clients of one server talk.
type Dialect interface {
	// Path and Subprotocol are those of the handshake.
	Path() string
	Subprotocol() string
	// Hello is what m says first, a frame each.
	Hello(m *Member) [][]byte
	// Send appends the frame of a message.
	Send(out []byte, m *Member, id int, after uint64, body []byte) []byte
	// Text acts on a frame: it calls m's welcomed, acked, got and refused.
	Text(m *Member, payload []byte)
}

// Conv is one conversation and its members.
type Conv struct {
	Name string
	// Head is the last seq that was there before the run.
	Head    uint64
	Members []*Member
	index   int
	ids     []int32 // of the messages, by seq from Head+1 on, as members saw them; unseen and other
}

const (
	unseen = -1
	other  = -2
)

// Message is one that was sent.
type Message struct {
	at int64
	// after is the seq that the sender knew when it sent it first: a retry says the same.
	after  uint64
	isSent bool
	seq    uint64 // 0: not acknowledged
	left   int32  // members who have not got it
}

// Fleet is the clients of a run.
type Fleet struct {
	Loop    *Loop
	Addr    netip.AddrPort
	Dialect Dialect
	Convs   []*Conv
	Members []*Member
	Phase   *Phase

	talking []*Conv
	msgs    []Message
	body    [BodyBytes]byte
	frame   []byte
	waiting []*Member // with refused messages
	faults  faults
	open    int // messages without an acknowledgment
	owed    int // deliveries that are still to come
}

// NewFleet makes the clients of conversations with as many members as sizes says, named as the server's seed names them. head is the
// last seq that the members of a conversation have.
func NewFleet(l *Loop, addr netip.AddrPort, d Dialect, sizes []int, head func(size int) uint64) *Fleet {
	f := &Fleet{Loop: l, Addr: addr, Dialect: d, Phase: &Phase{}}
	for i := range f.body {
		f.body[i] = 'x'
	}
	for i, size := range sizes {
		v := &Conv{Name: fmt.Sprint("c", i), Head: head(size), index: i}
		for j := range size {
			m := &Member{f: f, User: fmt.Sprintf("u%d-%d", i, j), conv: v, index: len(f.Members), last: v.Head}
			v.Members = append(v.Members, m)
			f.Members = append(f.Members, m)
		}
		f.Convs = append(f.Convs, v)
	}
	f.talking = f.Convs
	return f
}

// Talk has messages go to these conversations from now on.
func (f *Fleet) Talk(convs ...*Conv) { f.talking = convs }

// Connect brings the members online, some at a time.
func (f *Fleet) Connect(members []*Member, within time.Duration) error {
	return f.connect(members, dialing, within)
}

func (f *Fleet) connect(members []*Member, atOnce int, within time.Duration) error {
	end := f.Loop.Now() + int64(within)
	next, up := 0, 0
	var failed error
	err := f.Loop.Run(func(now int64) (int64, bool) {
		up = 0
		for _, m := range members[:next] {
			switch {
			case m.welcome:
				up++
			case m.Code >= 0 && now >= m.retryAt && failed == nil:
				failed = m.dial()
			}
		}
		for ; failed == nil && next < len(members) && next-up < atOnce; next++ {
			failed = members[next].dial()
		}
		return min(end, now+int64(time.Millisecond)), failed != nil || up == len(members) || now >= end
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if up < len(members) {
		return fmt.Errorf("only %d of %d clients were welcomed within %v", up, len(members), within)
	}
	return nil
}

// Send sends rate messages a second, evenly, round the conversations and their members, for d. Each belongs to the phase.
func (f *Fleet) Send(rate float64, d time.Duration) error {
	start := f.Loop.Now()
	end := start + int64(d)
	gap := float64(time.Second) / rate
	n := 0
	due := func() int64 { return start + int64(float64(n)*gap) }
	return f.Loop.Run(func(now int64) (int64, bool) {
		for ; due() <= now && due() < end; n++ {
			f.send(due())
		}
		f.retry(now)
		return min(due(), end, now+int64(10*time.Millisecond)), now >= end
	})
}

// Burst sends n messages at once.
func (f *Fleet) Burst(n int) {
	for range n {
		f.send(f.Loop.Now())
	}
}

// Idle serves the connections for d.
func (f *Fleet) Idle(d time.Duration) error {
	end := f.Loop.Now() + int64(d)
	return f.Loop.Run(func(now int64) (int64, bool) {
		f.retry(now)
		return min(end, now+int64(10*time.Millisecond)), now >= end
	})
}

// Settle serves the connections until everything is acknowledged and delivered. False: it was not within the time.
func (f *Fleet) Settle(within time.Duration) (bool, error) {
	end := f.Loop.Now() + int64(within)
	err := f.Loop.Run(func(now int64) (int64, bool) {
		f.retry(now)
		return now + int64(10*time.Millisecond), f.open == 0 && f.owed == 0 || now >= end
	})
	return f.open == 0 && f.owed == 0, err
}

// send makes the next message.
func (f *Fleet) send(at int64) {
	id := len(f.msgs)
	v := f.talking[id%len(f.talking)]
	var there []*Member // who is not online, or was stalled, sends and gets nothing
	for _, o := range v.Members {
		if o.there() {
			there = append(there, o)
		}
	}
	m, online := there[id/len(f.talking)%len(there)], int32(len(there))
	f.msgs = append(f.msgs, Message{at: at, left: online})
	f.open++
	f.owed += int(online)
	f.Phase.Sent++
	if len(m.queue) > 0 {
		m.queue = append(m.queue, id)
		return
	}
	m.transmit(id)
}

// bodyOf returns the body of a message: its number and padding.
func (f *Fleet) bodyOf(id int) []byte {
	for i := idDigits - 1; i >= 0; i-- {
		f.body[i] = '0' + byte(id%10)
		id /= 10
	}
	return f.body[:]
}

// retry sends refused messages again whose time has come.
func (f *Fleet) retry(now int64) {
	kept := f.waiting[:0]
	for _, m := range f.waiting {
		if now < m.retryAt || m.flying > 0 {
			kept = append(kept, m)
			continue
		}
		queue := m.queue
		m.queue, m.isWaiting = nil, false
		for _, id := range queue {
			m.transmit(id)
		}
	}
	f.waiting = kept
}

// bodyID returns the number at the start of a body.
func bodyID(body []byte) int {
	if len(body) < idDigits {
		return -1
	}
	n := 0
	for _, b := range body[:idDigits] {
		if b < '0' || b > '9' {
			return -1
		}
		n = n*10 + int(b-'0')
	}
	return n
}

var comma = []byte(`{"seq":`)

// cutEntry returns the first entry of a list and what follows it.
func cutEntry(data []byte) (entry, rest []byte) {
	next := bytes.Index(data[len(comma):], comma)
	if next < 0 {
		return data, nil
	}
	return data[:len(comma)+next], data[len(comma)+next:]
}
