package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// reads are the buffers of frames under way; an idle connection holds none.
var reads = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept is the largest buffer that is kept for another frame: a small one must count as less than minShed, whatever was before it.
const maxKept = 2 * readChunk

// keepRead gives back the buffer of a frame that was handled.
func keepRead(b *bytes.Buffer) {
	if b.Cap() <= maxKept {
		reads.Put(b)
	}
}

// closeProtocolError is RFC 6455's own code for broken framing (section 7.4.1): who gets it speaks no WebSocket.
const closeProtocolError = 1002

var errFrameTooLarge = errors.New("frame too large")

// readLoop reads until the connection ends, then cleans up. It keeps its stack small: everything else is done by workers.
func (c *conn) readLoop() {
	defer c.g.release(c)
	defer c.finish()
	_ = c.nc.SetReadDeadline(time.Now().Add(c.g.o.Limits.HelloTimeout))
	frames := rate.NewLimiter(c.g.o.Limits.FrameRate, c.g.o.Limits.FrameBurst)
	defer c.letGo()
	for {
		c.letGo()
		data, err := c.in.next()
		if err != nil {
			c.readFailed(err)
			return
		}
		if c.closing.Load() {
			keepRead(data)
			continue // only the other side's close frame is waited for
		}
		if frames.Wait(c.ctx) != nil {
			keepRead(data)
			continue
		}
		c.g.handle(c, data)
		if c.greeted && !c.closing.Load() {
			_ = c.extend()
		}
	}
}

// extend moves the read deadline. Before hello it stays where it is.
func (c *conn) extend() error {
	if !c.greeted || c.closing.Load() {
		return nil
	}
	return c.nc.SetReadDeadline(time.Now().Add(c.idle()))
}

// onControl acts on a control frame.
func (c *conn) onControl(opcode byte, payload []byte) error {
	switch opcode {
	case opPing:
		c.out.push(controlFrame(opPong, payload))
	case opClose:
		if !c.closing.Load() {
			c.answerClose(payload)
		}
		return errClosed
	}
	return c.extend()
}

// answerClose writes the close frame that answers the client's, with its code, beside the queue: what is in there is of no use any
// more.
func (c *conn) answerClose(payload []byte) {
	_ = c.nc.SetWriteDeadline(time.Now().Add(closeGrace))
	_, _ = c.nc.Write(controlFrame(opClose, payload[:min(len(payload), 2)]))
}

// holdFrame counts the buffer of the frame that is read.
func (c *conn) holdFrame(size int) {
	if size != c.holding {
		c.hold(size - c.holding)
		c.holding = size
	}
}

// letGo counts the frame that was read no more.
func (c *conn) letGo() { c.holdFrame(0) }

// readFailed closes with the code that tells why reading ended.
func (c *conn) readFailed(err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, errFrameTooLarge):
		c.close(protocol.CloseFrameTooLarge, "the frame is too large")
	case errors.Is(err, errFraming):
		c.answerClose([]byte{closeProtocolError >> 8, closeProtocolError & 0xff})
		return
	case errors.Is(err, errBadFrame):
		c.close(protocol.CloseProtocol, "only text frames are read")
	case errors.As(err, &timeout) && timeout.Timeout() && !c.greeted:
		c.close(protocol.CloseProtocol, "no hello came")
	case errors.As(err, &timeout) && timeout.Timeout():
		c.close(protocol.CloseIdle, "nothing was heard for too long")
	default:
		return
	}
	c.linger()
}

// linger waits for the close frame to be written and answered, discarding what still comes; the writer bounds the wait.
func (c *conn) linger() {
	_ = c.nc.SetReadDeadline(time.Now().Add(slowGrace + closeGrace))
	_, _ = io.Copy(io.Discard, c.nc)
}

// handle decodes a frame on a worker and acts on it, and returns when that is done.
func (g *Gateway) handle(c *conn, data *bytes.Buffer) {
	j := job{c: c, data: data}
	if !c.greeted {
		// hello reads the store: it would hold up a worker.
		g.conns.Go(func() { g.do(j) })
	} else {
		select {
		case g.work <- j:
		case <-g.stopped:
			keepRead(data)
			return
		}
	}
	<-c.handled
	keepRead(data)
}

// job is a frame for a worker.
type job struct {
	c    *conn
	data *bytes.Buffer
}

// worker handles frames until the gateway has stopped.
func (g *Gateway) worker() {
	for {
		select {
		case j := <-g.work:
			g.do(j)
		case <-g.stopped:
			return
		}
	}
}

// do acts on one frame. A fault of ours in one connection does not end the others.
func (g *Gateway) do(j job) {
	defer func() { j.c.handled <- struct{}{} }()
	defer func() {
		if r := recover(); r != nil {
			g.m.panics.Inc()
			g.log.Error("a frame could not be handled", "user", j.c.user.String(), "panic", panicText(r))
			j.c.close(protocol.CloseInternal, "internal error")
		}
	}()
	j.c.onFrame(j.data.Bytes())
}

// panicText says what kind of fault it was and not what it held, which may be a message.
func panicText(r any) string {
	if err, ok := r.(error); ok {
		return err.Error()
	}
	return "fault"
}
