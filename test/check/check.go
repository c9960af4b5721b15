package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// System is what is checked. What is read for the verification is read directly, past the faults.
type System struct {
	// Gateway is where clients connect: ws://….
	Gateway string
	Tenant  store.Tenant
	Token   func(user string) (string, error)
	Store   store.Store
	Kafka   config.Kafka
	// Postgres is the read model's.
	Postgres config.Postgres
	// Sink is the push sink's URL, Application the push application there.
	Sink, Application string
	PushDelay         time.Duration
	// Judge asks for a verdict where processors do, past the gateways; it fills in the tenant, and returns nil when ctx ends
	// first. Nil: there are none.
	Judge func(context.Context, *chatpb.Send) *chatpb.Result
	// Processors read the log and say verdicts by themselves.
	Processors []Processor
	// Books says that the roles of audit and analytics run: what they have written is checked, too.
	Books  bool
	Faults []Fault
	// Last breaks what reads Kafka while say says a last thing in every conversation, when all else is whole again, and says what
	// it did. What is said later hides what it loses: a reader that finds a gap repairs it. say returns how many things were
	// acknowledged, each a record of its own. Nil: nothing is said.
	Last func(ctx context.Context, say func() int) string
	// Heal ends whatever faults are left and returns when everything runs.
	Heal func(context.Context) error
}

// Options of a Run. Zero values take the defaults given with each.
type Options struct {
	// Seed decides everything that is random.
	Seed uint64
	// Duration is how long people talk: 30 s.
	Duration time.Duration
	// Users is how many people there are, 6; each has two devices, and every third a third one.
	Users int
	// Groups is how many groups: 3. There are as many direct conversations.
	Groups int
	// Pace is how long a device waits between two things that it does, on average: 150 ms.
	Pace time.Duration
	// FaultEvery is how long it is from one fault to the next, on average: 2 s.
	FaultEvery time.Duration
	// Patience is how long the system gets to come to rest once it is healed: 2 min.
	Patience time.Duration
	// Quiet is how long the quiet hours of a phone last at least, which end with a minute: an eighth of Duration, or 15 s where
	// that is more. Negative: nobody has any.
	Quiet time.Duration
	// Out takes the report's lines; nil discards them.
	Out io.Writer
}

func (o *Options) fill() {
	if o.Duration <= 0 {
		o.Duration = 30 * time.Second
	}
	if o.Users <= 0 {
		o.Users = 6
	}
	if o.Groups <= 0 {
		o.Groups = 3
	}
	if o.Pace <= 0 {
		o.Pace = 150 * time.Millisecond
	}
	if o.FaultEvery <= 0 {
		o.FaultEvery = 2 * time.Second
	}
	if o.Patience <= 0 {
		o.Patience = 2 * time.Minute
	}
	if o.Quiet == 0 {
		o.Quiet = max(o.Duration/8, 15*time.Second)
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
}

// Streams of the seed.
const (
	streamSetup uint64 = iota
	streamFaults
	streamJudges
	streamDevices
)

// run is one Run.
type run struct {
	o     Options
	s     System
	began time.Time

	mu            sync.Mutex
	conversations []*conversation
	devices       []*device
	judges        []*device
	wishes        map[place][]wish
	ops           []*op
	events        []event
	violations    []Violation
}

// Run talks, breaks and verifies. The error says that the run itself could not be made; what the system did wrong is in the
// report.
func Run(ctx context.Context, s System, o Options) (*Report, error) {
	o.fill()
	r := &run{o: o, s: s, began: time.Now(), wishes: map[place][]wish{}}
	r.say("seed %d, %v, %d users", o.Seed, o.Duration, o.Users)
	if err := r.setUp(ctx); err != nil {
		return nil, fmt.Errorf("set up: %w", err)
	}
	defer r.closeAll()
	if err := r.talk(ctx); err != nil {
		return nil, err
	}
	if err := s.Heal(ctx); err != nil {
		return nil, fmt.Errorf("heal: %w", err)
	}
	if s.Last != nil {
		from := time.Now()
		did := s.Last(ctx, func() int { return r.lastWords(ctx) })
		r.note(from, time.Now(), "last words: "+did)
		if err := s.Heal(ctx); err != nil {
			return nil, fmt.Errorf("heal: %w", err)
		}
	}
	r.say("healed; waiting for what is in flight")
	r.settle(ctx)
	v, err := r.verify(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return r.report(v), ctx.Err()
}

// talk has everybody do what they do, and breaks things beside that.
func (r *run) talk(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, r.o.Duration)
	defer stop()
	r.say("everybody talks")
	var wg sync.WaitGroup
	for i, d := range r.devices {
		wg.Go(func() { d.live(ctx, r.rng(streamDevices+uint64(i))) })
	}
	if len(r.judges) > 0 {
		wg.Go(func() { r.judge(ctx, r.rng(streamJudges)) })
	}
	if len(r.s.Faults) > 0 {
		wg.Go(func() { r.breakThings(ctx) })
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (r *run) rng(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(r.o.Seed, stream)) }

// say writes a line of the run's course.
func (r *run) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.o.Out, "%7.1fs  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// pause waits unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// eventually looks until there is nothing left to say, and returns what there is when the patience ends.
func eventually[T any](ctx context.Context, within time.Duration, look func(context.Context) ([]T, error)) ([]T, error) {
	deadline := time.Now().Add(within)
	for {
		left, err := look(ctx)
		if err == nil && len(left) == 0 || time.Now().After(deadline) {
			return left, err
		}
		if err := pause(ctx, 250*time.Millisecond); err != nil {
			return left, err
		}
	}
}
