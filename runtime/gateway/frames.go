package gateway

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// pingFrame never changes.
var pingFrame = controlFrame(opPing, nil)

// controlFrame holds a payload of at most 125 bytes (RFC 6455, section 5.5).
func controlFrame(opcode byte, payload []byte) []byte {
	return append([]byte{0x80 | opcode, byte(len(payload))}, payload...)
}

// textFrame wraps a payload as one unmasked text frame. Frames are built here and not by the WebSocket library so that one
// encoding serves many connections and many frames go out in one write.
func textFrame(payload []byte) []byte {
	out := make([]byte, 0, len(payload)+10)
	out = append(out, 0x81)
	switch n := len(payload); {
	case n < 126:
		out = append(out, byte(n))
	case n < 1<<16:
		out = append(out, 126)
		out = binary.BigEndian.AppendUint16(out, uint16(n))
	default:
		out = append(out, 127)
		out = binary.BigEndian.AppendUint64(out, uint64(n))
	}
	return append(out, payload...)
}

// closeFrame holds a code and a reason of at most 123 bytes.
func closeFrame(code protocol.CloseCode, reason string) []byte {
	reason = reason[:min(len(reason), 123)]
	out := []byte{0x88, byte(2 + len(reason))}
	out = binary.BigEndian.AppendUint16(out, uint16(code))
	return append(out, reason...)
}

// encode returns f as a text frame.
func encode(f *protocol.ServerFrame) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		// No value of a ServerFrame fails to encode: it holds strings and numbers.
		return textFrame([]byte(`{"type":"error","code":"internal"}`))
	}
	return textFrame(bytes.TrimRight(b.Bytes(), "\n"))
}

func entriesFrame(conversation string, entries []*logpb.Entry) []byte {
	return encode(&protocol.ServerFrame{Type: protocol.TypeEntries, Conversation: conversation, Entries: protocol.EntriesOf(entries)})
}

// errBadFrame is wrapped by what decode returns: its text is for the client.
var errBadFrame = errors.New("bad frame")

// decode reads one client frame. It checks form, not meaning.
func decode(data []byte) (*protocol.ClientFrame, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not UTF-8", errBadFrame)
	}
	if err := checkShape(data); err != nil {
		return nil, err
	}
	var f protocol.ClientFrame
	if err := json.Unmarshal(data, &f); err != nil {
		// The library's text may quote what was sent: only a type error's field is told.
		var t *json.UnmarshalTypeError
		if errors.As(err, &t) && t.Field != "" {
			return nil, fmt.Errorf("%w: %s is no %s", errBadFrame, t.Field, t.Type)
		}
		return nil, fmt.Errorf("%w: not a JSON object", errBadFrame)
	}
	if f.Type == "" {
		return nil, fmt.Errorf("%w: type is missing", errBadFrame)
	}
	return &f, nil
}
