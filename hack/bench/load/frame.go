package load

import "encoding/binary"

// Opcodes (RFC 6455, section 5.2).
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// appendFrame appends a client's frame: masked with zero, which leaves the payload as it is and costs the generator nothing. Servers
// unmask all the same.
func appendFrame(out []byte, op byte, payload []byte) []byte {
	out = append(out, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		out = append(out, 0x80|byte(n))
	case n < 1<<16:
		out = append(out, 0x80|126)
		out = binary.BigEndian.AppendUint16(out, uint16(n))
	default:
		out = append(out, 0x80|127)
		out = binary.BigEndian.AppendUint64(out, uint64(n))
	}
	out = append(out, 0, 0, 0, 0)
	return append(out, payload...)
}

// cutFrame takes a server's frame off the front of data. ok is false when it is not all there yet.
func cutFrame(data []byte) (op byte, payload, rest []byte, ok bool) {
	if len(data) < 2 {
		return 0, nil, data, false
	}
	n, at := uint64(data[1]&0x7f), 2
	switch n {
	case 126:
		if len(data) < 4 {
			return 0, nil, data, false
		}
		n, at = uint64(binary.BigEndian.Uint16(data[2:])), 4
	case 127:
		if len(data) < 10 {
			return 0, nil, data, false
		}
		n, at = binary.BigEndian.Uint64(data[2:]), 10
	}
	if uint64(len(data)-at) < n {
		return 0, nil, data, false
	}
	end := at + int(n)
	return data[0] & 0x0f, data[at:end], data[end:], true
}
