package check

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// dialTimeout bounds a connect; it is tried again for as long as the run allows.
const dialTimeout = 20 * time.Second

// answersWithin is how long a device that is about to leave waits for answers.
const answersWithin = 5 * time.Second

// maxPending bounds what one device has under way.
const maxPending = 200

// device is one of a user's devices, with all that it was shown.
type device struct {
	r    *run
	user string
	id   string
	// pushToken is not empty for a phone that takes pushes.
	pushToken string
	// away is a phone that leaves in the middle and comes back when its pushes have been looked at.
	away bool
	// late is a device that first appears in the middle.
	late bool

	state   *memory
	c       *client.Client
	life    int
	orders  int
	pending sync.WaitGroup
	flying  chan struct{}
	// alive ends with the client.
	alive context.Context
	end   context.CancelFunc

	// Under the run's mutex.
	screens map[string][]shown
	// since is when the device was first welcomed; heads are unknown before.
	since time.Time
	// leftAt is when an away phone left.
	leftAt time.Time
	reads  map[string]readMark
}

// readMark is what a device has told of the user's reading.
type readMark struct {
	seq uint64
	at  time.Time
}

func (r *run) newDevice(user, id string) *device {
	return &device{
		r: r, user: user, id: id, state: &memory{last: map[string]uint64{}}, screens: map[string][]shown{},
		reads: map[string]readMark{}, flying: make(chan struct{}, maxPending),
	}
}

func (d *device) name() string { return d.user + "/" + d.id }

// connect brings the device online, and tries for as long as ctx allows.
func (d *device) connect(ctx context.Context) error {
	for {
		err := d.dial(ctx)
		var e *client.Error
		var closed *client.CloseError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &closed) || errors.As(err, &e) && !e.Code.Retryable():
			d.r.violate(Violation{Promise: "P4", What: fmt.Sprintf("the gateway refuses %s for good: %v", d.name(), err)})
		}
		if perr := pause(ctx, 100*time.Millisecond); perr != nil {
			return errors.Join(perr, err)
		}
	}
}

func (d *device) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{
		URL: d.r.s.Gateway, Device: d.id, Platform: "android", State: d.state,
		Token:      func(context.Context) (string, error) { return d.r.s.Token(d.user) },
		OnEntries:  d.show,
		MinBackoff: 50 * time.Millisecond, MaxBackoff: time.Second,
	})
	if err != nil {
		return err
	}
	d.c = c
	d.life++
	d.alive, d.end = context.WithCancel(context.WithoutCancel(ctx))
	d.r.mu.Lock()
	if d.since.IsZero() {
		d.since = time.Now()
	}
	d.r.mu.Unlock()
	return nil
}

// leave closes the client: what has no answer will never get one.
func (d *device) leave() {
	if d.c == nil {
		return
	}
	if err := d.c.Close(); err != nil && !errors.Is(err, client.ErrClosed) {
		d.r.violate(Violation{Promise: "P4", What: fmt.Sprintf("%s's client gave up: %v", d.name(), err)})
	}
	d.c = nil
	d.end()
	d.pending.Wait()
}

// await gives what is under way some time to be answered.
func (d *device) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	for len(d.flying) > 0 && pause(ctx, 10*time.Millisecond) == nil {
	}
}

// show notes what the client hands to its application.
func (d *device) show(conversation string, entries []protocol.Entry) {
	d.r.mu.Lock()
	defer d.r.mu.Unlock()
	now := time.Now()
	for _, e := range entries {
		d.screens[conversation] = append(d.screens[conversation], shown{e, now})
	}
}

// live does one thing after the other until ctx ends. An away phone ends early, and a late device begins late.
func (d *device) live(ctx context.Context, rng *rand.Rand) {
	o := d.r.o
	if d.late && pause(ctx, o.Duration/4+time.Duration(rng.Int64N(int64(o.Duration/4)))) != nil {
		return
	}
	end := ctx
	if d.away {
		var cancel context.CancelFunc
		end, cancel = context.WithTimeout(ctx, o.Duration/4+time.Duration(rng.Int64N(int64(o.Duration/3))))
		defer cancel()
	}
	for n := 0; pause(end, time.Duration(rng.Int64N(int64(2*o.Pace)))) == nil; n++ {
		if d.c == nil && d.connect(end) != nil {
			break
		}
		d.act(end, rng, n)
	}
	if d.away {
		d.leave()
		d.r.mu.Lock()
		d.leftAt = time.Now()
		d.r.mu.Unlock()
		d.r.say("  %s leaves", d.name())
	}
}

// act does one thing.
func (d *device) act(ctx context.Context, rng *rand.Rand, n int) {
	conv := d.r.pick(rng, d.user)
	if conv == nil {
		return
	}
	switch draw := rng.IntN(100); {
	case draw < 46:
		d.send(conv, d.body(rng, n))
	case draw < 60:
		d.change(conv, rng, n)
	case draw < 68:
		for i := range 2 + rng.IntN(20) {
			d.send(conv, fmt.Sprintf("%s of many %d", d.body(rng, n), i))
		}
	case draw < 84:
		d.read(conv)
	case draw < 92: // back at once, or soon
		wait, answers := time.Duration(rng.Int64N(int64(time.Second))), rng.IntN(4) > 0
		if answers {
			d.await(ctx)
		}
		d.leave()
		_ = pause(ctx, wait)
	case draw < 94: // away for long
		wait := d.r.o.Duration/10 + time.Duration(rng.Int64N(int64(d.r.o.Duration/6)))
		d.await(ctx)
		d.leave()
		_ = pause(ctx, wait)
	default:
		d.look(ctx, conv)
	}
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
	return b.String()
}

// send records a message and sends it.
func (d *device) send(conv *conversation, body string) {
	select {
	case d.flying <- struct{}{}:
	default:
		return // too much under way: the system is slow, and that is the fault's
	}
	d.orders++
	o := &op{device: d, life: d.life, order: d.orders, conv: conv, kind: protocol.KindMessage, as: d.id, body: body, at: time.Now()}
	m, err := d.c.Enqueue(conv.id, body)
	if err != nil {
		<-d.flying
		return // it was never sent
	}
	o.id = m.ID()
	d.r.record(o)
	d.pending.Go(func() {
		ack, err := m.Wait(context.Background()) // Close ends it
		d.r.settleOp(o, ack, err)
		<-d.flying
	})
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

// look asks REST for what an application's screen needs. Only a refusal that makes no sense is wrong.
func (d *device) look(ctx context.Context, conv *conversation) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
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
	_, _ = d.c.Inbox(ctx, 0, "") // it may be unavailable, and is compared at the end
}

// pick returns one of the user's conversations, nil when there is none.
func (r *run) pick(rng *rand.Rand, user string) *conversation {
	r.mu.Lock()
	defer r.mu.Unlock()
	var mine []*conversation
	for _, c := range r.conversations {
		if c.members[user] {
			mine = append(mine, c)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	return mine[rng.IntN(len(mine))]
}

// setUp makes everybody, their devices and their conversations.
func (r *run) setUp(ctx context.Context) error {
	rng := r.rng(streamSetup)
	users := make([]string, r.o.Users)
	for i := range users {
		users[i] = fmt.Sprintf("u%d", i+1)
		for j := range 2 + (i%3)/2 {
			d := r.newDevice(users[i], fmt.Sprintf("d%d", j+1))
			if j == 0 {
				d.pushToken = fmt.Sprintf("token-%d-%s", r.o.Seed, users[i])
				d.away = i%2 == 1
			}
			d.late = j == 2
			r.devices = append(r.devices, d)
		}
	}
	for _, d := range r.devices {
		if d.late {
			continue
		}
		if err := d.connect(ctx); err != nil {
			return err
		}
		if d.pushToken == "" {
			continue
		}
		if err := d.c.RegisterDevice(ctx, protocol.Device{Platform: "android", PushChannel: "GCM", PushToken: d.pushToken}); err != nil {
			return err
		}
	}
	online := func(user string) *device {
		return r.devices[slices.IndexFunc(r.devices, func(d *device) bool { return d.user == user && d.c != nil })]
	}
	for i := range r.o.Groups {
		owner := users[rng.IntN(len(users))]
		perm := rng.Perm(len(users))
		members := map[string]bool{owner: true}
		var others []string
		for _, p := range perm[:2+rng.IntN(len(users)-1)] {
			if u := users[p]; !members[u] {
				members[u] = true
				others = append(others, u)
			}
		}
		c, err := online(owner).c.CreateGroup(ctx, fmt.Sprintf("group %d", i), others, fmt.Sprintf("group-%d-%d", r.o.Seed, i))
		if err != nil {
			return err
		}
		r.conversations = append(r.conversations, &conversation{id: c.ID, kind: c.Kind, owner: owner, members: members})
	}
	have := map[string]bool{}
	for range r.o.Groups {
		perm := rng.Perm(len(users))
		a, b := users[perm[0]], users[perm[1]]
		c, err := online(a).c.CreateDirect(ctx, b)
		if err != nil {
			return err
		}
		if !have[c.ID] {
			have[c.ID] = true
			r.conversations = append(r.conversations, &conversation{id: c.ID, kind: c.Kind, owner: a, members: map[string]bool{a: true, b: true}})
		}
	}
	return nil
}

func (r *run) closeAll() {
	for _, d := range r.devices {
		d.leave()
	}
}

// settle waits until everything has been answered, with everybody online but the phones that are away.
func (r *run) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Patience)
	defer cancel()
	var wg sync.WaitGroup
	for _, d := range r.devices {
		if d.away {
			continue
		}
		wg.Go(func() {
			if d.c == nil {
				if err := d.connect(ctx); err != nil {
					r.violate(Violation{Promise: "P4", What: fmt.Sprintf("%s cannot connect: %v", d.name(), err)})
					return
				}
			}
			answered := make(chan struct{})
			go func() { d.pending.Wait(); close(answered) }() // closeAll ends what is pending
			select {
			case <-answered:
			case <-ctx.Done():
				r.violate(Violation{Promise: "P3", What: fmt.Sprintf("%s still waits for answers, long after everything was healed", d.name())})
			}
		})
	}
	wg.Wait()
}
