package gateway

import (
	"net"
	"sync"
	"time"
)

const (
	// writeChunk is how much goes out in one write: the system call is most of a delivery's cost.
	writeChunk = 16 << 10
	// slowGrace is how long a connection that fell behind has for what is being written and the close frame.
	slowGrace = 5 * time.Second
	// closeGrace is how long the other side has to answer a close.
	closeGrace = 2 * time.Second
)

var chunks = sync.Pool{New: func() any { b := make([]byte, 0, writeChunk); return &b }}

// pushed is what became of a frame.
type pushed int

const (
	queued pushed = iota
	// overflow: the frame does not fit; nothing was queued.
	overflow
	// shut: the connection is closing.
	shut
)

// writer is a connection's queue of encoded frames. A goroutine drains it while there is something in it.
type writer struct {
	nc      net.Conn
	limit   int
	timeout time.Duration
	// spawn runs the draining goroutine under its owner's WaitGroup.
	spawn func(func())
	// total counts what is held for all connections.
	total *budget

	mu      sync.Mutex
	frames  [][]byte
	bytes   int // queued and being written
	running bool
	last    []byte // the close frame
	isShut  bool
	ended   bool
	room    chan struct{} // closed when there is room again; nil when nobody waits
}

// push queues a frame. The slice must not change afterwards.
func (w *writer) push(frame []byte) pushed {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isShut {
		return shut
	}
	if w.bytes+len(frame) > w.limit || (len(w.frames) > 0 && !w.total.fits(len(frame))) {
		return overflow
	}
	w.frames = append(w.frames, frame)
	w.account(len(frame))
	w.start()
	return queued
}

// roomFor returns nil when n more bytes leave the queue at most half full (or it is empty), else a channel that is closed when it
// may be so.
func (w *writer) roomFor(n int) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isShut || w.bytes == 0 || w.bytes+n <= w.limit/2 {
		return nil
	}
	if w.room == nil {
		w.room = make(chan struct{})
	}
	return w.room
}

// close makes frame the last one. With drop, what is queued is forgotten and the write under way gets little time.
func (w *writer) close(frame []byte, drop bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isShut {
		return
	}
	w.isShut, w.last = true, frame
	left := w.timeout
	if drop {
		for _, f := range w.frames {
			w.account(-len(f))
		}
		w.frames = nil
		left = slowGrace
	}
	_ = w.nc.SetWriteDeadline(time.Now().Add(left))
	w.signal()
	w.start()
}

// abandon ends the queue without writing more: the connection is gone.
func (w *writer) abandon() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isShut, w.last = true, nil
	for _, f := range w.frames {
		w.account(-len(f))
	}
	w.frames = nil
	w.signal()
}

func (w *writer) start() {
	if !w.running && !w.ended {
		w.running = true
		w.spawn(w.drain)
	}
}

func (w *writer) account(n int) {
	w.bytes += n
	w.total.add(n)
}

func (w *writer) backlog() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes
}

func (w *writer) signal() {
	if w.room != nil && (w.isShut || w.bytes <= w.limit/4) {
		close(w.room)
		w.room = nil
	}
}

// drain writes until the queue is empty, many frames to a write.
func (w *writer) drain() {
	chunk := chunks.Get().(*[]byte)
	defer chunks.Put(chunk)
	for {
		buf, n, isLast := w.next((*chunk)[:0])
		if len(buf) == 0 {
			return
		}
		w.mu.Lock()
		if !w.isShut { // else close has set the last deadline there is
			_ = w.nc.SetWriteDeadline(time.Now().Add(w.timeout))
		}
		w.mu.Unlock()
		_, err := w.nc.Write(buf)
		w.mu.Lock()
		w.account(-n)
		w.signal()
		w.mu.Unlock()
		if err != nil {
			w.abandon()
			w.mu.Lock()
			w.running, w.ended = false, true
			w.mu.Unlock()
			// The reader ends with the connection and cleans up.
			_ = w.nc.Close()
			return
		}
		if isLast {
			w.finish()
			return
		}
	}
}

// next moves frames into buf up to its capacity, or returns a larger frame as it is. Empty: there is nothing, and the goroutine
// must end.
func (w *writer) next(buf []byte) (out []byte, n int, isLast bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := 0
	for _, f := range w.frames {
		if len(buf)+len(f) > cap(buf) {
			break
		}
		buf = append(buf, f...)
		taken++
	}
	out = buf
	if taken == 0 && len(w.frames) > 0 {
		out, taken = w.frames[0], 1
	}
	n = len(out)
	clear(w.frames[:taken])
	if w.frames = w.frames[taken:]; len(w.frames) == 0 {
		w.frames = nil
	}
	if n == 0 && w.last != nil {
		out, isLast = w.last, true
		w.last = nil
	}
	if len(out) == 0 {
		w.running = false
	}
	return out, n, isLast
}

// finish lets the other side read the close frame and answer it: closing at once could reset the connection under it.
func (w *writer) finish() {
	w.mu.Lock()
	w.running, w.ended = false, true
	w.mu.Unlock()
	if t, ok := w.nc.(interface{ CloseWrite() error }); ok {
		_ = t.CloseWrite()
	}
	time.AfterFunc(closeGrace, func() { _ = w.nc.Close() })
}
