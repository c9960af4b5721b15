package check

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// lookTimeout bounds what a person waits for a screen.
	lookTimeout = 5 * time.Second
	// againWithin is how long who got no answer waits before it asks again, at most, beside what it was told to wait.
	againWithin = 500 * time.Millisecond
)

// request is something to ask for, by one door or the other.
type request struct {
	want protocol.Entry
	// socket puts it into the client's outbox; nil: only REST can.
	socket func() (*client.Message, error)
	// rest asks once. It may be asked again with the same key. nil: only the socket can.
	rest func(ctx context.Context, key string) (protocol.Appended, error)
}

// send says something over the socket.
func (d *device) send(conv *conversation, body string) {
	c := d.c
	d.ask(conv, request{
		want:   protocol.Entry{Kind: protocol.KindMessage, Body: body},
		socket: func() (*client.Message, error) { return c.Enqueue(conv.id, body) },
	})
}

// post says something over REST.
func (d *device) post(conv *conversation, body string) {
	c, m := d.c, protocol.SendMessage{Body: body}
	if seen := d.state.seen(conv.id); seen > 0 {
		m.AfterSeq = &seen
	}
	d.ask(conv, request{
		want: protocol.Entry{Kind: protocol.KindMessage, Body: body},
		rest: func(ctx context.Context, key string) (protocol.Appended, error) {
			a, _, err := c.Post(ctx, conv.id, m, key)
			return a, err
		},
	})
}

// ask records what is asked for and asks, over the socket where that can be. Too much under way is the system's slowness, and the
// fault's: then it is not asked for at all.
func (d *device) ask(conv *conversation, q request) {
	select {
	case d.flying <- struct{}{}:
	default:
		return
	}
	d.orders++
	o := &op{device: d, life: d.life, order: d.orders, conv: conv, want: q.want, at: time.Now()}
	o.want.Sender = d.user
	if q.socket == nil {
		d.insist(o, func(ctx context.Context, key string) (uint64, error) {
			a, err := q.rest(ctx, key)
			return a.Seq, err
		})
		return
	}
	m, err := q.socket()
	if err != nil {
		<-d.flying
		return // it was never sent
	}
	o.want.Device, o.want.ClientMsgID = d.id, m.ID()
	d.r.record(o)
	d.pending.Go(func() {
		ack, err := m.Wait(context.Background()) // Close ends it
		d.r.settleOp(o, ack.Seq, err)
		<-d.flying
	})
}

// insist asks in the background, under one name, until there is an answer or the device has left. It has a place in flying.
func (d *device) insist(o *op, ask func(ctx context.Context, key string) (uint64, error)) {
	o.want.ClientMsgID = uuid.NewString()
	d.r.record(o)
	ctx := d.alive
	d.pending.Go(func() {
		defer func() { <-d.flying }()
		var seq uint64
		err := persist(ctx, func(ctx context.Context) (err error) {
			seq, err = ask(ctx, o.want.ClientMsgID)
			return err
		})
		d.r.settleOp(o, seq, err)
	})
}

// persist asks until there is an answer or ctx ends: then it is not known what became of it. Only an answer is a *client.Error.
func persist(ctx context.Context, ask func(context.Context) error) error {
	for {
		err := ask(ctx)
		wait := rand.N(againWithin)
		var e *client.Error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &e): // no answer at all
		case e.Code == protocol.CodeRetryTooOld:
			return errors.New("whether it is there can no longer be told")
		case e.Code.Retryable() || e.Code == protocol.CodeInternal:
			wait += e.RetryAfter
		default:
			return err
		}
		if pause(ctx, wait) != nil {
			return fmt.Errorf("no answer in time, the last was %q: %w", err.Error(), context.Cause(ctx)) // not that one: it is none
		}
	}
}

// lastWords has somebody who is online say something in every conversation. It returns how much was acknowledged soon.
func (r *run) lastWords(ctx context.Context) int {
	r.mu.Lock()
	before := len(r.ops)
	r.mu.Unlock()
	for _, conv := range r.conversations {
		for _, d := range r.devices {
			if d.c != nil && conv.members[d.user] {
				d.send(conv, d.name()+" has the last word")
				break
			}
		}
	}
	for _, d := range r.devices {
		d.await(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, o := range r.ops[before:] {
		if o.outcome == acked {
			n++
		}
	}
	return n
}

// body is text that nobody else sends, mostly short.
func (d *device) body(rng *rand.Rand, n int) string {
	size := 10 + rng.IntN(120)
	switch rng.IntN(60) {
	case 0:
		size = 3000 + rng.IntN(12000)
	case 1, 2, 3:
		size = 500 + rng.IntN(1500)
	}
	words := []string{"ja ", "nein ", "grüße ", "見て ", "🙂 ", "\"ok\" ", "<b> ", "tab\t"}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %d: ", d.name(), d.life, n)
	for b.Len() < size {
		b.WriteString(words[rng.IntN(len(words))])
	}
	if n := len(d.r.s.Processors); n > 0 && rng.IntN(8) == 0 {
		b.WriteString(d.r.s.Processors[rng.IntN(n)].Lure)
	}
	return b.String()
}

// read marks what the device has been shown as read.
func (d *device) read(conv *conversation) {
	seq := d.state.seen(conv.id)
	if seq == 0 {
		return
	}
	d.r.mu.Lock()
	d.reads[conv.id] = readMark{seq, time.Now()}
	d.r.mu.Unlock()
	d.c.Read(conv.id, seq)
}

// look asks REST for what an application's screen needs. It may be unavailable; what it shows must make sense.
func (d *device) look(ctx context.Context, conv *conversation) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	page, err := d.c.History(ctx, conv.id, client.Range{Limit: 50})
	if err != nil {
		return
	}
	for i := 1; i < len(page.Entries); i++ {
		if page.Entries[i].Seq <= page.Entries[i-1].Seq {
			d.r.violate(Violation{Promise: "P2", Where: conv.id, What: fmt.Sprintf("the history shows %d after %d", page.Entries[i].Seq, page.Entries[i-1].Seq)})
		}
	}
	_, _ = d.c.Inbox(ctx, 0, "") // compared at the end
}
