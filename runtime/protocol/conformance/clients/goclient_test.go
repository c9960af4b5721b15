package clients_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/protocol/conformance/clients"
)

func TestGoClient(t *testing.T) {
	clients.Run(t, clients.Subject{
		New: func(*testing.T) clients.Driver { return newGoDriver() },
		Without: map[string]string{
			"Folding":           "it hands entries to its application, which folds them",
			"Sending/Restarted": "its outbox lives as long as the client: who needs more keeps what is sent",
		},
	})
}

// goDriver drives the Go client. Its seen outlives the client, as a State of an application would.
type goDriver struct {
	kept *kept

	mu     sync.Mutex
	c      *client.Client
	ended  int
	online bool
	tokens int
	state  clients.State
	cancel context.CancelFunc
	wg     sync.WaitGroup
	queued []clients.Command
}

type kept struct {
	mu   sync.Mutex
	seen map[string]uint64
}

func (k *kept) Load(context.Context) (map[string]uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.seen), nil
}

func (k *kept) Save(_ context.Context, conversation string, seq uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen[conversation] = seq
	return nil
}

func newGoDriver() *goDriver {
	d := &goDriver{kept: &kept{seen: map[string]uint64{}}}
	d.reset()
	return d
}

func (d *goDriver) reset() {
	d.c, d.ended, d.online = nil, 0, false
	d.state = clients.State{
		Answers: map[string]clients.Answer{}, Shown: map[string][]clients.Message{}, Arrived: map[string][]uint64{},
		Typing: map[string][]string{}, Presence: map[string]bool{},
	}
}

func (d *goDriver) start(cmd clients.Command) {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	options := client.Options{
		URL: cmd.URL, Device: cmd.Device, Platform: "cli", State: d.kept, MaxBackoff: time.Second,
		IdleTimeout: time.Duration(cmd.IdleMS) * time.Millisecond,
		Token: func(context.Context) (string, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.tokens++
			return fmt.Sprint("good-", d.tokens), nil
		},
		OnEntries:  d.onEntries,
		OnTyping:   d.onTyping,
		OnPresence: d.onPresence,
		OnState: func(err error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.online = err == nil
		},
	}
	d.wg.Go(func() {
		c, err := client.Dial(ctx, options)
		if err != nil {
			d.end(err)
			return
		}
		d.mu.Lock()
		d.c = c
		queued := d.queued
		d.queued = nil
		d.mu.Unlock()
		for _, q := range queued {
			_ = d.act(c, q)
		}
		<-c.Done()
		d.end(c.Err())
	})
}

func (d *goDriver) end(err error) {
	var closed *client.CloseError
	if errors.As(err, &closed) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ended, d.online = int(closed.Code), false
	}
}

func (d *goDriver) onEntries(conversation string, entries []protocol.Entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range entries {
		if e.Kind != protocol.KindMessage {
			continue
		}
		d.state.Shown[conversation] = append(d.state.Shown[conversation], clients.Message{Seq: e.Seq, Body: e.Body})
		if e.ClientMsgID == "" {
			d.state.Arrived[conversation] = append(d.state.Arrived[conversation], e.Seq)
		}
	}
}

func (d *goDriver) onTyping(conversation, user string, active bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Typing[conversation] = slices.DeleteFunc(d.state.Typing[conversation], func(u string) bool { return u == user })
	if active {
		d.state.Typing[conversation] = append(d.state.Typing[conversation], user)
	}
}

func (d *goDriver) onPresence(all []protocol.Presence) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range all {
		d.state.Presence[p.User] = p.Online
	}
}

func (d *goDriver) Do(_ context.Context, cmd clients.Command) error {
	switch cmd.Op {
	case "start":
		d.start(cmd)
		return nil
	case "crash":
		err := d.Close()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.reset()
		return err
	case "open", "older":
		return nil // all is shown, and what is missing is fetched
	}
	d.mu.Lock()
	c := d.c
	if c == nil {
		d.queued = append(d.queued, cmd)
	}
	d.mu.Unlock()
	if c == nil {
		return nil
	}
	return d.act(c, cmd)
}

func (d *goDriver) act(c *client.Client, cmd clients.Command) error {
	var m *client.Message
	var err error
	switch cmd.Op {
	case "send":
		m, err = c.Enqueue(cmd.Conversation, cmd.Body)
	case "edit":
		m, err = c.EnqueueEdit(cmd.Conversation, cmd.Target, cmd.Body)
	case "delete":
		m, err = c.EnqueueDelete(cmd.Conversation, cmd.Target)
	case "react":
		m, err = c.EnqueueReact(cmd.Conversation, cmd.Target, cmd.Emoji, cmd.Removed)
	case "read":
		c.Read(cmd.Conversation, cmd.Seq)
	case "typing":
		return c.Typing(cmd.Conversation, cmd.Active)
	case "watch":
		return c.Watch(cmd.Users...)
	default:
		return fmt.Errorf("no such command: %s", cmd.Op)
	}
	if m == nil {
		return err
	}
	d.wg.Go(func() {
		ack, err := m.Wait(context.Background())
		a := clients.Answer{Seq: ack.Seq}
		var refused *client.Error
		if errors.As(err, &refused) {
			a = clients.Answer{Code: string(refused.Code), RetryAfterMS: refused.RetryAfter.Milliseconds()}
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.state.Answers[cmd.Tag] = a
	})
	return nil
}

func (d *goDriver) State(context.Context) (clients.State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.state
	s.Online, s.Ended = d.online, d.ended
	s.Answers, s.Shown, s.Arrived = maps.Clone(s.Answers), maps.Clone(s.Shown), maps.Clone(s.Arrived)
	s.Typing, s.Presence = maps.Clone(s.Typing), maps.Clone(s.Presence)
	return s, nil
}

func (d *goDriver) Close() error {
	if d.cancel != nil {
		d.cancel()
	}
	d.mu.Lock()
	c := d.c
	d.mu.Unlock()
	var err error
	if c != nil {
		if err = c.Close(); errors.As(err, new(*client.CloseError)) {
			err = nil // it had ended before
		}
	}
	d.wg.Wait()
	return err
}
