package gateway

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"net"
	"sync"
	"syscall"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Opcodes of frames (RFC 6455, section 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

const (
	// readChunk is how much one read from a socket takes: the longest header and control frame fit.
	readChunk = 4 << 10
	// maxControl bounds the payload of a control frame (section 5.5).
	maxControl = 125
)

var (
	// errFraming says that the client breaks the framing: it is not to be talked to any more.
	errFraming = errors.New("the frames break RFC 6455")
	// errClosed says that the client has closed.
	errClosed = errors.New("the client has closed")
)

// readChunks are the buffers of sockets from which there is something to read.
var readChunks = sync.Pool{New: func() any { b := make([]byte, readChunk); return &b }}

// inbound reads a client's frames. While it waits for one it holds no buffer and little stack: most connections do nothing but
// wait. Frames are read here and not by the WebSocket library, which keeps a buffer for each connection. One goroutine uses it.
type inbound struct {
	nc net.Conn
	// raw waits for the socket without a buffer; nil where nc is no socket of the system's.
	raw   syscall.RawConn
	ready func(fd uintptr) bool
	chunk *[]byte // nil while idle
	data  []byte  // the unread part of chunk
	err   error   // of ready
	// control takes control frames; the payload is valid during the call.
	control func(opcode byte, payload []byte) error
	// holds is told how large the buffer of the message under way is.
	holds func(size int)
	// fragmented says that a message has begun and not ended.
	fragmented bool
}

func newInbound(nc net.Conn, control func(opcode byte, payload []byte) error, holds func(size int)) inbound {
	r := inbound{nc: nc, control: control, holds: holds}
	if s, ok := nc.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			r.raw = raw
		}
	}
	return r
}

// frame is a frame's header.
type frame struct {
	opcode byte
	final  bool
	length int
	mask   [4]byte
}

// next reads the next text message into a buffer of the pool, of at most MaxFrameBytes.
func (r *inbound) next() (*bytes.Buffer, error) {
	var message *bytes.Buffer
	for {
		f, err := r.header()
		switch {
		case err != nil:
		case f.opcode >= opClose:
			if err = r.takeControl(f); err == nil {
				continue
			}
		case f.opcode == opBinary:
			err = errBadFrame
		case message == nil:
			message = reads.Get().(*bytes.Buffer)
			message.Reset()
			fallthrough
		default:
			err = r.payload(f, message)
		}
		if err != nil {
			r.release()
			if message != nil {
				keepRead(message)
			}
			return nil, err
		}
		if f.final {
			r.rest()
			return message, nil
		}
	}
}

// header reads a frame's header and judges it.
func (r *inbound) header() (f frame, err error) {
	if err := r.need(2); err != nil {
		return f, err
	}
	first, second := r.data[0], r.data[1]
	f.opcode, f.final = first&0x0f, first&0x80 != 0
	size, length := 2, uint64(second&0x7f)
	switch {
	case first&0x70 != 0, second&0x80 == 0: // extensions that nobody asked for; no mask
		return f, errFraming
	case f.opcode >= opClose && (length > maxControl || !f.final || f.opcode > opPong):
		return f, errFraming
	case f.opcode > opBinary && f.opcode < opClose:
		return f, errFraming
	case f.opcode < opClose && (f.opcode == opContinuation) != r.fragmented:
		return f, errFraming
	}
	switch length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if err := r.need(size + 4); err != nil {
		return f, err
	}
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(r.data[2:]))
	case 127:
		length = binary.BigEndian.Uint64(r.data[2:])
	}
	if length > protocol.MaxFrameBytes {
		return f, errFrameTooLarge
	}
	f.length = int(length)
	copy(f.mask[:], r.data[size:])
	r.data = r.data[size+4:]
	if f.opcode < opClose {
		r.fragmented = !f.final
	}
	return f, nil
}

// takeControl hands a control frame on.
func (r *inbound) takeControl(f frame) error {
	if err := r.need(f.length); err != nil {
		return err
	}
	payload := r.data[:f.length]
	r.data = r.data[f.length:]
	unmask(payload, f.mask)
	err := r.control(f.opcode, payload)
	r.rest()
	return err
}

// payload appends a frame's payload to the message.
func (r *inbound) payload(f frame, message *bytes.Buffer) error {
	if message.Len()+f.length > protocol.MaxFrameBytes {
		return errFrameTooLarge
	}
	start := message.Len()
	message.Grow(min(f.length, readChunk)) // more when more has come
	r.holds(message.Cap())
	for left := f.length; left > 0; {
		if err := r.need(1); err != nil {
			return err
		}
		n := min(left, len(r.data))
		message.Write(r.data[:n])
		r.holds(message.Cap())
		r.data = r.data[n:]
		left -= n
	}
	unmask(message.Bytes()[start:], f.mask)
	return nil
}

// need has at least n bytes ready, which fit into a chunk.
func (r *inbound) need(n int) error {
	for len(r.data) < n {
		if r.chunk == nil && r.raw != nil {
			if err := r.wait(); err != nil {
				return err
			}
			continue
		}
		if r.chunk == nil {
			r.chunk = readChunks.Get().(*[]byte)
		}
		held := copy(*r.chunk, r.data)
		got, err := r.nc.Read((*r.chunk)[held:])
		r.data = (*r.chunk)[:held+got]
		if err != nil && len(r.data) < n {
			return err
		}
	}
	return nil
}

// wait returns when there is a chunk with something in it.
func (r *inbound) wait() error {
	if r.ready == nil {
		r.ready = r.readOnce
	}
	if err := r.raw.Read(r.ready); err != nil {
		return err
	}
	return r.err
}

// readOnce takes what is there. False: nothing is, and the caller waits.
func (r *inbound) readOnce(fd uintptr) bool {
	chunk := readChunks.Get().(*[]byte)
	n, err := syscall.Read(int(fd), *chunk)
	for errors.Is(err, syscall.EINTR) {
		n, err = syscall.Read(int(fd), *chunk)
	}
	if n > 0 {
		r.chunk, r.data, r.err = chunk, (*chunk)[:n], nil
		return true
	}
	readChunks.Put(chunk)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return false
	case err == nil:
		err = io.EOF
	}
	r.err = err
	return true
}

// rest gives the chunk back when nothing is left in it.
func (r *inbound) rest() {
	if len(r.data) == 0 {
		r.release()
	}
}

// release gives the chunk back.
func (r *inbound) release() {
	if r.chunk != nil {
		readChunks.Put(r.chunk)
		r.chunk, r.data = nil, nil
	}
}

// unmask reverts a client's masking (section 5.3).
func unmask(b []byte, key [4]byte) {
	k := binary.LittleEndian.Uint32(key[:])
	if k == 0 {
		return
	}
	wide := uint64(k) | uint64(k)<<32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(bits.RotateLeft32(k, -8*i))
	}
}
