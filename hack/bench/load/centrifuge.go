package load

import (
	"bytes"
	"fmt"
	"strconv"
)

// Centrifuge is the dialect of centrifuge's JSON protocol. Without a history there are no seqs: then members count.
type Centrifuge struct {
	// Pad is appended to every publication, so that frames are as long as those they are compared with.
	Pad []byte
	// Sent are the bytes of the last frame with one publication.
	Frame int
}

// Path implements Dialect.
func (*Centrifuge) Path() string { return "/" }

// Subprotocol implements Dialect.
func (*Centrifuge) Subprotocol() string { return "" }

// firstCommand is the number of the first publication's command: connect and subscribe come before.
const firstCommand = 10

// Hello implements Dialect.
func (*Centrifuge) Hello(m *Member) [][]byte {
	return [][]byte{
		[]byte(`{"id":1,"connect":{}}`),
		fmt.Appendf(nil, `{"id":2,"subscribe":{"channel":%q}}`, m.conv.Name),
	}
}

// Send implements Dialect.
func (d *Centrifuge) Send(out []byte, m *Member, id int, _ uint64, body []byte) []byte {
	out = append(out, `{"id":`...)
	out = strconv.AppendInt(out, int64(id)+firstCommand, 10)
	out = append(out, `,"publish":{"channel":"`...)
	out = append(out, m.conv.Name...)
	out = append(out, `","data":{"body":"`...)
	out = append(out, body...)
	out = append(out, d.Pad...)
	return append(out, `"}}}`...)
}

// Text implements Dialect.
func (d *Centrifuge) Text(m *Member, payload []byte) {
	m.f.Phase.Frames++
	for line := range bytes.SplitSeq(payload, []byte{'\n'}) {
		switch {
		case bytes.HasPrefix(line, []byte(`{"push"`)):
			m.f.Phase.Bytes += int64(len(line))
			body, ok := text(line, `"body":"`)
			if !ok {
				continue // somebody joined
			}
			seq, _, ok := number(line, `"offset":`)
			if !ok {
				seq = m.last + 1
				m.last = seq
				m.f.delivered(bodyID(body))
				continue
			}
			m.got(seq, bodyID(body))
		case bytes.HasPrefix(line, []byte(`{}`)):
			m.conn.Send([]byte(`{}`))
		default:
			id, _, _ := number(line, `{"id":`)
			switch {
			case bytes.Contains(line, []byte(`"error":`)):
				m.refused(int(id)-firstCommand, 0, string(line))
			case id == 2:
				m.welcomed()
			case id >= firstCommand:
				m.acked(int(id)-firstCommand, 0)
			}
		}
	}
}
