package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// inbound is how many frames wait for the handlers before the socket is not read any more.
	inbound = 256
	// farewell is how long Close waits for the last marks to be taken.
	farewell = 2 * time.Second
)

// Client is a user's device. Make it with Dial.
type Client struct {
	o    Options
	url  string
	rest string

	ctx     context.Context // ends when nothing may go on
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	in      chan *protocol.ServerFrame
	wake    chan struct{} // the pump has something to look at
	closing chan struct{}
	closed  sync.Once
	welcome chan struct{} // closed by the first welcome
	done    chan struct{}

	mu      sync.Mutex
	err     error
	user    string
	greeted bool
	box     outbox
	marks   marks
	live    live
	// seen is what the handler has had, known what there is at least.
	seen, known map[string]uint64
}

// Dial connects and returns when the gateway has welcomed the client. It fails when ctx ends first or the gateway refuses for good;
// the client's life after that does not depend on ctx.
func Dial(ctx context.Context, o Options) (*Client, error) {
	url, rest, err := o.check()
	if err != nil {
		return nil, err
	}
	seen := map[string]uint64{}
	if o.State != nil {
		m, err := o.State.Load(ctx)
		if err != nil {
			return nil, fmt.Errorf("client: load the state: %w", err)
		}
		maps.Copy(seen, m)
	}
	c := &Client{
		o: o, url: url, rest: rest,
		in: make(chan *protocol.ServerFrame, inbound), wake: make(chan struct{}, 1), closing: make(chan struct{}),
		welcome: make(chan struct{}), done: make(chan struct{}),
		box: newOutbox(o.MaxPending), marks: newMarks(), seen: seen, known: maps.Clone(seen),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.wg.Go(c.supervise)
	c.wg.Go(c.handleLoop)
	select {
	case <-c.welcome:
		return c, nil
	case <-c.done:
		c.wg.Wait()
		return nil, c.Err()
	case <-ctx.Done():
		last := c.box.lastProblem()
		_ = c.Close()
		return nil, errors.Join(fmt.Errorf("client: connect: %w", ctx.Err()), last)
	}
}

// Close confirms what was handled, ends the connection and waits for everything. Messages without an answer fail with ErrClosed:
// whether they were accepted is not known.
func (c *Client) Close() error {
	c.closed.Do(func() { close(c.closing) })
	c.nudge()
	t := time.NewTimer(farewell)
	defer t.Stop()
	select {
	case <-c.done:
	case <-t.C:
	}
	c.fail(ErrClosed)
	c.wg.Wait()
	if err := c.Err(); !errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}

// Done is closed when the client has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err says why the client has ended: nil while it lives, ErrClosed after Close, a *CloseError when the gateway gave it up.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// User is whom the token speaks for, as the gateway says.
func (c *Client) User() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user
}

// Seen is the last seq of the conversation that the handler has had.
func (c *Client) Seen(conversation string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[conversation]
}

// fail ends the client; the first reason stays.
func (c *Client) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
	}
	reason := c.err
	c.mu.Unlock()
	c.cancel()
	if first {
		close(c.done)
	}
	c.box.failAll(reason)
}

func (c *Client) isClosing() bool {
	select {
	case <-c.closing:
		return true
	default:
		return false
	}
}

// nudge has the pump look again.
func (c *Client) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// know notes that the conversation has come at least as far as seq.
func (c *Client) know(conversation string, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[conversation] = max(c.known[conversation], seq)
}

// afterSeq is what a message that is composed now says of the conversation, nil when nothing is known of it.
func (c *Client) afterSeq(conversation string) *uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	seq, ok := c.known[conversation]
	if !ok {
		return nil
	}
	return &seq
}
