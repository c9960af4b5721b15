package load

import (
	"bytes"
	"strconv"
	"time"
)

// Chat is the dialect of subprotocol chat.v1.
type Chat struct {
	// Marks has clients confirm what they got, as often as a real client does.
	Marks time.Duration
}

// Path implements Dialect.
func (Chat) Path() string { return "/v1/ws" }

// Subprotocol implements Dialect.
func (Chat) Subprotocol() string { return "chat.v1" }

// Hello implements Dialect.
func (Chat) Hello(m *Member) [][]byte {
	return [][]byte{[]byte(`{"type":"hello","token":"` + m.Token + `","device":"d","platform":"cli"}`)}
}

// Send implements Dialect.
func (Chat) Send(out []byte, m *Member, id int, after uint64, body []byte) []byte {
	out = append(out, `{"type":"send","conversation":"`...)
	out = append(out, m.conv.Name...)
	out = append(out, `","client_msg_id":"`...)
	out = strconv.AppendInt(out, int64(id), 10)
	out = append(out, `","after_seq":`...)
	out = strconv.AppendUint(out, after, 10)
	out = append(out, `,"body":"`...)
	out = append(out, body...)
	return append(out, `"}`...)
}

// Delivered appends the frame that confirms all that m has.
func (Chat) Delivered(out []byte, m *Member) []byte {
	out = append(out, `{"type":"delivered","conversation":"`...)
	out = append(out, m.conv.Name...)
	out = append(out, `","seq":`...)
	out = strconv.AppendUint(out, m.last, 10)
	return append(out, '}')
}

// Text implements Dialect.
func (Chat) Text(m *Member, payload []byte) {
	kind, _ := text(payload, `"type":"`)
	switch string(kind) {
	case "entries":
		m.f.Phase.Frames++
		m.f.Phase.Bytes += int64(len(payload))
		at := bytes.Index(payload, comma)
		if at < 0 {
			m.f.faults.unknown++
			return
		}
		for rest := payload[at:]; len(rest) > 0; {
			var e []byte
			e, rest = cutEntry(rest)
			seq, e, _ := number(e, `"seq":`)
			body, ok := text(e, `"body":"`)
			id := -1
			if ok {
				id = bodyID(body)
			}
			m.got(seq, id)
		}
	case "ack":
		id, _, _ := number(payload, `"client_msg_id":"`)
		seq, _, _ := number(payload, `"seq":`)
		m.acked(int(id), seq)
	case "welcome":
		m.welcomed()
	case "error":
		id, _, ok := number(payload, `"client_msg_id":"`)
		retry, _, _ := number(payload, `"retry_after_ms":`)
		if ok {
			m.refused(int(id), retry, string(payload))
		} else if m.welcome { // before that the server may not be ready yet: the client comes again
			m.f.faults.refused++
			m.f.faults.why = string(payload)
		}
	case "gap":
		m.f.faults.gaps++
	}
}
