package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// reads are the buffers of frames under way; an idle connection holds none.
var reads = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepRead is the largest buffer that goes back to the pool.
const keepRead = 16 << 10

var errFrameTooLarge = errors.New("frame too large")

// readLoop reads until the connection ends, then cleans up. It keeps its stack small: everything else is done by workers.
func (c *conn) readLoop() {
	defer c.g.release(c)
	defer c.finish()
	c.ws.SetPingHandler(func(string) error {
		c.out.push(pongFrame)
		return c.extend()
	})
	c.ws.SetPongHandler(func(string) error { return c.extend() })
	_ = c.nc.SetReadDeadline(time.Now().Add(c.g.o.Limits.HelloTimeout))
	frames := rate.NewLimiter(c.g.o.Limits.FrameRate, c.g.o.Limits.FrameBurst)
	defer c.letGo()
	for {
		c.letGo()
		data, err := c.readFrame()
		if err != nil {
			c.readFailed(err)
			return
		}
		if c.closing.Load() {
			reads.Put(data)
			continue // only the other side's close frame is waited for
		}
		if frames.Wait(c.ctx) != nil {
			reads.Put(data)
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

// readFrame reads one text message of at most MaxFrameBytes, and no byte more of a longer one.
func (c *conn) readFrame() (*bytes.Buffer, error) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, errBadFrame
	}
	buf := reads.Get().(*bytes.Buffer)
	buf.Reset()
	limited := io.LimitReader(r, protocol.MaxFrameBytes+1)
	for {
		before := buf.Cap()
		buf.Grow(bytes.MinRead)
		if held := c.holding; held == 0 || buf.Cap() > before {
			c.holding = buf.Cap()
			c.hold(c.holding - held)
		}
		n, err := limited.Read(buf.AvailableBuffer()[:buf.Available()])
		_, _ = buf.Write(buf.AvailableBuffer()[:n])
		switch {
		case buf.Len() > protocol.MaxFrameBytes:
			return nil, errFrameTooLarge
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		}
	}
}

// letGo counts the frame that was read no more.
func (c *conn) letGo() {
	c.hold(-c.holding)
	c.holding = 0
}

// readFailed closes with the code that tells why reading ended.
func (c *conn) readFailed(err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, errFrameTooLarge):
		c.close(protocol.CloseFrameTooLarge, "the frame is too large")
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
			reads.Put(data)
			return
		}
	}
	<-c.handled
	if data.Cap() <= keepRead {
		reads.Put(data)
	}
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
