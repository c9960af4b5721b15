package check

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// device is one of a user's devices, with all that it was shown. A judge is one too, which has no client and is shown nothing.
type device struct {
	r    *run
	user string
	id   string
	// pushToken is not empty for a phone that takes pushes.
	pushToken string
	// away is a phone that leaves in the middle and comes back when its pushes have been looked at.
	away bool
	// sleeps is an away phone that has quiet hours from then on.
	sleeps bool
	// late is a device that first appears in the middle.
	late bool
	// wishes says that the user mutes conversations on this device, and on no other.
	wishes bool

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
	reads map[string]readMark
	night night
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

func (d *device) name() string {
	if d.id == "" {
		return d.user
	}
	return d.user + "/" + d.id
}

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
	if d.c != nil {
		if err := d.c.Close(); err != nil && !errors.Is(err, client.ErrClosed) {
			d.r.violate(Violation{Promise: "P4", What: fmt.Sprintf("%s's client gave up: %v", d.name(), err)})
		}
		d.c = nil
	}
	if d.end != nil {
		d.end()
	}
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
	if !d.away {
		return
	}
	if d.sleeps {
		d.fallAsleep(ctx)
	}
	d.leave()
	d.r.say("  %s leaves", d.name())
}

// act does one thing.
func (d *device) act(ctx context.Context, rng *rand.Rand, n int) {
	conv := d.r.pick(rng, d.user)
	if conv == nil {
		return
	}
	switch draw := rng.IntN(100); {
	case draw < 42:
		d.send(conv, d.body(rng, n))
	case draw < 46:
		d.post(conv, d.body(rng, n))
	case draw < 62:
		d.change(conv, rng, n)
	case draw < 69:
		for i := range 2 + rng.IntN(20) {
			d.send(conv, fmt.Sprintf("%s of many %d", d.body(rng, n), i))
		}
	case draw < 81:
		d.read(conv)
	case draw < 84:
		d.wish(ctx, conv, rng)
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
