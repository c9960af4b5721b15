//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// person is a user with one device, who remembers everything that it was shown, in the order in which it was shown.
type person struct {
	name   string
	device string
	w      *world
	id     identity
	state  *memory

	mu     sync.Mutex
	client *client.Client
	seen   map[string][]protocol.Entry
	drops  int
}

// dropped is how often a connection of the person ended.
func (p *person) dropped() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.drops
}

// memory keeps a device's state over its connections, as an application's database would.
type memory struct {
	mu   sync.Mutex
	last map[string]uint64
}

func (m *memory) Load(context.Context) (map[string]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[string]uint64, len(m.last))
	for k, v := range m.last {
		out[k] = v
	}
	return out, nil
}

func (m *memory) Save(_ context.Context, conversation string, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last[conversation] = seq
	return nil
}

// person is a user of the sample's own tenant.
func (w *world) person(name string) *person { return w.personOf(w.Issuer, name) }

// personOf is a user of the tenant for which the issuer speaks.
func (w *world) personOf(id identity, name string) *person {
	return &person{
		name: name, device: name + "-phone", w: w, id: id,
		state: &memory{last: map[string]uint64{}}, seen: map[string][]protocol.Entry{},
	}
}

// connect brings the person online, until the test ends or they leave.
func (p *person) connect(t *testing.T) {
	t.Helper()
	if err := p.tryConnect(t); err != nil {
		t.Fatalf("%s connects: %v", p.name, err)
	}
}

// tryConnect is connect for who may be refused.
func (p *person) tryConnect(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{
		URL: p.w.GatewayURL, Token: client.StaticToken(p.id.token(t, p.name)), Device: p.device, Platform: "android",
		State: p.state,
		OnEntries: func(conversation string, entries []protocol.Entry) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.seen[conversation] = append(p.seen[conversation], entries...)
		},
		OnState: func(why error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if why != nil {
				p.drops++
			}
		},
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.client = c
	p.mu.Unlock()
	t.Cleanup(func() { _ = c.Close() })
	return nil
}

// leave takes the person offline.
func (p *person) leave(t *testing.T) {
	t.Helper()
	if err := p.client.Close(); err != nil {
		t.Fatalf("%s leaves: %v", p.name, err)
	}
}

func (p *person) send(t *testing.T, conversation, body string) client.Ack {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	ack, err := p.client.Send(ctx, conversation, body)
	if err != nil {
		t.Fatalf("%s sends: %v", p.name, err)
	}
	return ack
}

// bodies returns the messages that the person was shown, in order.
func (p *person) bodies(conversation string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, e := range p.seen[conversation] {
		if e.Kind == protocol.KindMessage {
			out = append(out, e.Body)
		}
	}
	return out
}

// checkOrder says whether what the person was shown is the conversation's log without a gap, a repetition or a swap.
func (p *person) checkOrder(conversation string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	entries := p.seen[conversation]
	for i := 1; i < len(entries); i++ {
		if entries[i].Seq != entries[i-1].Seq+1 {
			errs = append(errs, fmt.Errorf("%s was shown seq %d after %d", p.name, entries[i].Seq, entries[i-1].Seq))
		}
	}
	return errors.Join(errs...)
}

// awaitBodies waits until the person was shown exactly these messages.
func (p *person) awaitBodies(t *testing.T, conversation string, want []string) {
	t.Helper()
	eventually(t, soon, p.name+" is shown the messages", func(context.Context) error {
		if got := p.bodies(conversation); !slices.Equal(got, want) {
			return fmt.Errorf("shown %q, want %q", got, want)
		}
		return nil
	})
	if err := p.checkOrder(conversation); err != nil {
		t.Error(err)
	}
}
