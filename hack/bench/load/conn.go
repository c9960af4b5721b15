package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Handler takes what happens on one connection. What it is given is valid during the call alone.
type Handler interface {
	// Opened: the handshake is done.
	Opened()
	Text(payload []byte)
	// Closed: the server closed with a code, or 0 when the connection just ended. It is called once, and not after Close.
	Closed(code int)
}

// Conn is one WebSocket.
type Conn struct {
	l  *Loop
	fd int
	h  Handler
	// greeting says that the server's answer to the handshake has not come yet.
	greeting bool
	watching uint32
	in       []byte // the beginning of a frame
	out      []byte // what the kernel did not take yet
	code     int
}

func (c *Conn) dial(addr netip.AddrPort, path, subprotocol string) error {
	// The port is chosen at connect: ports of one source address may be used towards several servers.
	if err := unix.SetsockoptInt(c.fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	_ = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if c.l.ReceiveBuffer > 0 {
		_ = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, c.l.ReceiveBuffer)
	}
	if err := unix.Bind(c.fd, c.l.source()); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := unix.Connect(c.fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect: %w", err)
	}
	c.out = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n", path, addr)
	if subprotocol != "" {
		c.out = fmt.Appendf(c.out, "Sec-WebSocket-Protocol: %s\r\n", subprotocol)
	}
	c.out = append(c.out, "\r\n"...)
	return c.watch(unix.EPOLLIN | unix.EPOLLOUT)
}

func (c *Conn) watch(events uint32) error {
	if c.watching == events {
		return nil
	}
	op := unix.EPOLL_CTL_MOD
	if c.watching == 0 {
		op = unix.EPOLL_CTL_ADD
	}
	c.watching = events
	return unix.EpollCtl(c.l.ep, op, c.fd, &unix.EpollEvent{Events: events, Fd: int32(c.fd)})
}

// Stall stops reading: what the server sends fills the kernel's buffers, then the server's.
func (c *Conn) Stall() { _ = c.watch(unix.EPOLLRDHUP) }

// Send writes a text frame.
func (c *Conn) Send(payload []byte) { c.write(opText, payload) }

func (c *Conn) write(op byte, payload []byte) {
	if c.fd < 0 {
		return
	}
	if len(c.out) > 0 || c.greeting {
		c.out = appendFrame(c.out, op, payload)
		return
	}
	// The loop's buffer would hold what is being parsed.
	var frame [1024]byte
	b := appendFrame(frame[:0], op, payload)
	n, err := unix.Write(c.fd, b)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		c.ended()
		return
	}
	if n = max(n, 0); n < len(b) {
		c.out = append(c.out, b[n:]...)
		_ = c.watch(c.watching | unix.EPOLLOUT)
	}
}

func (c *Conn) ready(events uint32) {
	if events&unix.EPOLLOUT != 0 {
		c.flush()
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0 && c.fd >= 0 {
		if c.watching&unix.EPOLLIN == 0 { // stalled, and the server has closed
			c.ended()
			return
		}
		c.read()
	}
}

func (c *Conn) flush() {
	if len(c.out) > 0 {
		n, err := unix.Write(c.fd, c.out)
		if err != nil && !errors.Is(err, unix.EAGAIN) {
			c.ended()
			return
		}
		c.out = c.out[max(n, 0):]
	}
	if len(c.out) == 0 {
		c.out = nil
		_ = c.watch(unix.EPOLLIN)
	}
}

func (c *Conn) read() {
	n, err := unix.Read(c.fd, c.l.buf)
	if n <= 0 {
		if !errors.Is(err, unix.EAGAIN) {
			c.ended()
		}
		return
	}
	data := c.l.buf[:n]
	if len(c.in) > 0 {
		c.in = append(c.in, data...)
		data = c.in
	}
	if c.greeting {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		if end < 0 {
			c.keep(data)
			return
		}
		if !bytes.HasPrefix(data, []byte("HTTP/1.1 101")) {
			c.ended()
			return
		}
		c.greeting = false
		data = data[end+4:]
		c.h.Opened()
	}
	for c.fd >= 0 {
		op, payload, rest, ok := cutFrame(data)
		if !ok {
			break
		}
		data = rest
		switch op {
		case opText:
			c.h.Text(payload)
		case opPing:
			c.write(opPong, payload)
		case opClose:
			if len(payload) >= 2 {
				c.code = int(binary.BigEndian.Uint16(payload))
			}
			c.ended()
		}
	}
	c.keep(data)
}

// keep puts aside the beginning of a frame.
func (c *Conn) keep(data []byte) {
	if len(data) == 0 || c.fd < 0 {
		c.in = nil
		return
	}
	c.in = append(make([]byte, 0, 2*len(data)), data...)
}

func (c *Conn) ended() {
	if c.fd >= 0 {
		c.Close()
		c.h.Closed(c.code)
	}
}

// Close ends the connection without a word.
func (c *Conn) Close() {
	if c.fd < 0 {
		return
	}
	c.l.byFD[c.fd] = nil
	_ = unix.Close(c.fd)
	c.fd = -1
}
