package load

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// readBytes is how much one read takes.
	readBytes = 256 << 10
	// eventsAtOnce is how many ready sockets one wait returns.
	eventsAtOnce = 512
	// sources are 127.0.0.2 to 127.0.0.9: one address alone has too few ports.
	sources = 8
)

// Loop drives connections by epoll.
type Loop struct {
	start  time.Time
	ep     int
	timer  int
	armed  int64
	byFD   []*Conn
	buf    []byte
	events []unix.EpollEvent
	next   byte
	// ReceiveBuffer bounds what the kernel takes for a connection that is not read; 0 leaves it to the kernel.
	ReceiveBuffer int
}

// NewLoop returns a loop without connections.
func NewLoop() (*Loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	l := &Loop{start: time.Now(), ep: ep, timer: timer, buf: make([]byte, readBytes), events: make([]unix.EpollEvent, eventsAtOnce)}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(timer)}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, timer, &ev); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return l, nil
}

// Now is the time in nanoseconds since the loop was made: it never goes back.
func (l *Loop) Now() int64 { return int64(time.Since(l.start)) }

// Run serves the connections until tick says so. tick is called at each turn; it returns when it wants to be called again at the
// latest, or done.
func (l *Loop) Run(tick func(now int64) (next int64, done bool)) error {
	for {
		now := l.Now()
		next, done := tick(now)
		if done {
			return nil
		}
		wait := -1
		if next <= now {
			wait = 0
		} else if err := l.arm(next, next-now); err != nil {
			return err
		}
		n, err := unix.EpollWait(l.ep, l.events, wait)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, ev := range l.events[:max(n, 0)] {
			if int(ev.Fd) == l.timer {
				var b [8]byte
				_, _ = unix.Read(l.timer, b[:])
				l.armed = 0
				continue
			}
			if c := l.byFD[ev.Fd]; c != nil {
				c.ready(ev.Events)
			}
		}
	}
}

// arm has the next wait end after left nanoseconds.
func (l *Loop) arm(at, left int64) error {
	if l.armed == at {
		return nil
	}
	l.armed = at
	return unix.TimerfdSettime(l.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(left)}, nil)
}

// Dial begins a connection: h learns what becomes of it.
func (l *Loop) Dial(addr netip.AddrPort, path, subprotocol string, h Handler) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	c := &Conn{l: l, fd: fd, h: h, greeting: true}
	if err := c.dial(addr, path, subprotocol); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	for len(l.byFD) <= fd {
		l.byFD = append(l.byFD, nil)
	}
	l.byFD[fd] = c
	return c, nil
}

// source returns the address that the next connection comes from.
func (l *Loop) source() *unix.SockaddrInet4 {
	l.next = (l.next + 1) % sources
	return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 2 + l.next}}
}

// Close ends every connection without a word.
func (l *Loop) Close() {
	for _, c := range l.byFD {
		if c != nil {
			c.Close()
		}
	}
	_ = unix.Close(l.timer)
	_ = unix.Close(l.ep)
}
