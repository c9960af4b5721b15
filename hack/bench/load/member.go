package load

import "slices"

// Member is one client: a device of a user who is in one conversation.
type Member struct {
	User  string
	Token string

	f     *Fleet
	conn  *Conn
	conv  *Conv
	index int
	// last is the last seq that the client has.
	last      uint64
	welcome   bool
	deaf      bool // stalled by the scenario: nothing is owed to it
	flying    int
	queue     []int // refused, in order
	isWaiting bool
	retryAt   int64
	// Code is what the server closed with, -1 while open.
	Code int
	// target is the seq that a storm waits for, and synced when it came.
	target uint64
	synced int64
}

// there says whether the member is online and reads.
func (m *Member) there() bool { return m.welcome && !m.deaf }

func (m *Member) dial() (err error) {
	m.welcome, m.Code = false, -1
	m.conn, err = m.f.Loop.Dial(m.f.Addr, m.f.Dialect.Path(), m.f.Dialect.Subprotocol(), m)
	return err
}

// Stall stops reading for good.
func (m *Member) Stall() {
	m.deaf = true
	m.conn.Stall()
}

// Opened implements Handler.
func (m *Member) Opened() {
	for _, frame := range m.f.Dialect.Hello(m) {
		m.conn.Send(frame)
	}
}

// Text implements Handler.
func (m *Member) Text(payload []byte) { m.f.Dialect.Text(m, payload) }

// Closed implements Handler.
func (m *Member) Closed(code int) {
	wasUp := m.welcome
	m.Code, m.welcome = code, false
	if !wasUp {
		m.retryAt = m.f.Loop.Now() + int64(redialAfter)
		return
	}
	if !m.deaf {
		m.f.faults.closed++
		m.f.faults.code = code
	}
}

// transmit sends a message.
func (m *Member) transmit(id int) {
	m.flying++
	msg := &m.f.msgs[id]
	if !msg.isSent {
		msg.isSent, msg.after = true, m.last
	}
	m.f.frame = m.f.Dialect.Send(m.f.frame[:0], m, id, msg.after, m.f.bodyOf(id))
	m.conn.Send(m.f.frame)
}

func (m *Member) welcomed() { m.welcome = true }

// acked takes an acknowledgment. seq is 0 where the server has no such thing.
func (m *Member) acked(id int, seq uint64) {
	if id < 0 || id >= len(m.f.msgs) {
		m.f.faults.unknown++
		return
	}
	msg := &m.f.msgs[id]
	m.flying--
	if msg.seq != 0 {
		m.f.faults.twiceAcked++
		return
	}
	msg.seq = max(seq, 1)
	m.f.open--
	m.f.Phase.acked(id, m.f.Loop.Now()-msg.at)
}

// refused takes an error that is to be retried, or, with retryMS 0, a final one.
func (m *Member) refused(id int, retryMS uint64, why string) {
	m.flying--
	m.f.Phase.Refused++
	if id < 0 || id >= len(m.f.msgs) || retryMS == 0 {
		m.f.faults.refused++
		m.f.faults.why = why
		return
	}
	at, _ := slices.BinarySearch(m.queue, id)
	m.queue = slices.Insert(m.queue, at, id)
	m.retryAt = m.f.Loop.Now() + int64(retryMS)*1e6
	if !m.isWaiting {
		m.isWaiting = true
		m.f.waiting = append(m.f.waiting, m)
	}
}

// got takes an entry; id is that of a message of this run, or negative.
func (m *Member) got(seq uint64, id int) {
	switch {
	case seq <= m.last:
		m.f.faults.doubled++
		return
	case seq > m.last+1:
		m.f.faults.gaps++
	}
	m.last = seq
	if seq == m.target {
		m.synced = m.f.Loop.Now()
	}
	if id < 0 || id >= len(m.f.msgs) {
		id = other
	}
	m.conv.saw(seq, id, m.f)
	m.f.delivered(id)
}

// delivered counts a delivery of a message of this run.
func (f *Fleet) delivered(id int) {
	if id < 0 {
		return
	}
	msg := &f.msgs[id]
	msg.left--
	f.owed--
	f.Phase.delivered(id, f.Loop.Now()-msg.at, msg.left == 0)
}

// saw compares what members see at a seq.
func (v *Conv) saw(seq uint64, id int, f *Fleet) {
	if seq <= v.Head {
		return
	}
	i := int(seq - v.Head - 1)
	for len(v.ids) <= i {
		v.ids = append(v.ids, unseen)
	}
	switch v.ids[i] {
	case unseen:
		v.ids[i] = int32(id)
	case int32(id):
	default:
		f.faults.mixed++
	}
}
