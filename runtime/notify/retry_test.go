package notify

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// slowSender takes a second for each call and counts how many are under way.
type slowSender struct{ *world }

func (s *slowSender) Send(ctx context.Context, application string, messages []push.Message) []push.Result {
	s.change(func() {
		s.concurrent.now++
		s.concurrent.most = max(s.concurrent.most, s.concurrent.now)
	})
	defer s.change(func() { s.concurrent.now-- })
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return make([]push.Result, len(messages))
	}
	return s.world.Send(ctx, application, messages)
}

func TestARecordIsDoneWhenEveryPushIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob", "carol")
		w.answer = func(m push.Message) push.Result {
			if m.Address == "carol-phone" {
				return push.Result{Outcome: push.Retry}
			}
			return push.Result{Outcome: push.Delivered}
		}
		l := run(t, w)
		l.say("alice", 1, "hi")
		pass(delay + 10*time.Second)
		expect(t, "bob is pushed once while carol is repeated", []string{"hi"}, w.shows("bob-phone"))
		expect(t, "records done", []uint64{}, l.completed())

		l.say("alice", 2, "again")
		pass(delay)
		expect(t, "carol's trouble does not hold back the next window", []string{"hi", "2 new messages"}, w.shows("bob-phone"))

		w.change(func() { w.answer = func(push.Message) push.Result { return push.Result{Outcome: push.Delivered} } })
		pass(2 * time.Minute)
		expect(t, "records done", 2, len(l.completed()))
		if got := w.shows("carol-phone"); len(got) == 0 || len(got) > 2 {
			t.Errorf("carol got %v", got)
		}
		expect(t, "carol's pushed mark", 2, w.pushed("carol"))
		expect(t, "bob's phone in the end", []string{"hi", "2 new messages"}, w.shows("bob-phone"))
	})
}

// answers are a notifier's Figures.
type answers struct {
	mu  sync.Mutex
	got []string
}

func (a *answers) Pushed(t store.Tenant, _ time.Time, channel, outcome string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, string(t)+" "+channel+" "+outcome)
}

func (a *answers) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

func TestOutcomes(t *testing.T) {
	cases := map[string]struct {
		reason  string
		outcome push.Outcome
		removed []string
		pushed  uint64
	}{
		"Delivered":    {"covered", push.Delivered, nil, 1},
		"Unregistered": {"the token is dead, and there is no other device", push.Unregistered, []string{"bob-phone"}, 0},
		"Invalid":      {"refused for good, and the token stays", push.Invalid, nil, 0},
		"Failed":       {"our fault, for as long as it was tried", push.Failed, nil, 0},
		"Throttled":    {"too much, for as long as it was tried", push.Throttled, nil, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "alice", "bob")
				w.answer = func(push.Message) push.Result { return push.Result{Outcome: tc.outcome} }
				var counted answers
				l := run(t, w, func(o *Options) { o.Figures = &counted })
				l.say("alice", 1, "hi")
				pass(time.Hour)
				expect(t, tc.reason+": records done", []uint64{1}, l.completed())
				expect(t, tc.reason+": tokens removed", tc.removed, w.removed)
				expect(t, tc.reason+": pushed mark", tc.pushed, w.pushed("bob"))
				want := 1
				if !tc.outcome.Final() {
					want = DefaultAttempts
				}
				expect(t, tc.reason+": attempts", want, w.sends)
				expect(t, tc.reason+": counted", slices.Repeat([]string{"acme GCM " + tc.outcome.String()}, want), counted.list())
			})
		})
	}
}

func TestAHeldPushWaitsWithoutUsingItsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.answer = func(push.Message) push.Result {
			return push.Result{Outcome: push.Retry, Held: true, RetryAfter: 30 * time.Second}
		}
		l := run(t, w, func(o *Options) { o.Attempts = 1 })
		l.say("alice", 1, "hi")
		pass(delay + time.Minute)
		expect(t, "records done while it may soon be over", []uint64{}, l.completed())
		l.say("alice", 2, "there")
		pass(time.Hour)
		expect(t, "records done: an outage of one platform must not hold the others'", []uint64{1, 2}, l.completed())
		if w.sends > 60*2+10 {
			t.Errorf("%d calls in an hour, want none sooner than asked for", w.sends)
		}
		w.change(func() { w.answer = func(push.Message) push.Result { return push.Result{Outcome: push.Delivered} } })
		pass(5 * time.Minute)
		for _, body := range w.shows("bob-phone") {
			expect(t, "the phone after the outage", "2 new messages", body)
		}
		expect(t, "put off", 0, len(w.deferrals))
		if n := len(w.shows("bob-phone")); n < 1 || n > 2 {
			t.Errorf("%d pushes, want one or its repetition", n)
		}
		expect(t, "dead letters", 0, len(w.dead))
	})
}

func TestWhatTheUserReadsMeanwhileIsNotPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.answer = func(push.Message) push.Result { return push.Result{Outcome: push.Retry} }
		l := run(t, w)
		l.say("alice", 1, "hi")
		pass(delay)
		w.change(func() {
			w.stored["bob"].Read = 1
			w.answer = func(push.Message) push.Result { return push.Result{Outcome: push.Delivered} }
		})
		pass(time.Minute)
		expect(t, "the phone", []string{}, w.shows("bob-phone"))
		expect(t, "records done", []uint64{1}, l.completed())
	})
}

func TestAStoreThatFailsDelaysAndDoublesNothing(t *testing.T) {
	fails := map[string]struct {
		reason string
		set    func(w *world, f func() error)
	}{
		"Members":    {"who is there is not known", func(w *world, f func() error) { w.onMembers = f }},
		"Devices":    {"where to push is not known", func(w *world, f func() error) { w.onDevices = f }},
		"Membership": {"what was confirmed is not known", func(w *world, f func() error) { w.onCache = f }},
		"Raise":      {"the push was accepted and cannot be written down", func(w *world, f func() error) { w.onRaise = f }},
	}
	for name, tc := range fails {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "alice", "bob")
				tc.set(w, func() error { return errBoom })
				l := run(t, w)
				l.say("alice", 1, "hi")
				pass(10 * time.Minute)
				expect(t, tc.reason+": records done", []uint64{}, l.completed())
				w.change(func() { tc.set(w, func() error { return nil }) })
				pass(2 * time.Minute)
				expect(t, tc.reason+": the phone", []string{"hi"}, w.shows("bob-phone"))
				expect(t, tc.reason+": records done later", []uint64{1}, l.completed())
				expect(t, tc.reason+": the pushed mark", 1, w.pushed("bob"))
			})
		})
	}
}

func TestStoppingDoesNotWaitForWhatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		n, err := New(Options{Store: w, Cache: w, Sender: &slowSender{w}, Application: "app", Delay: delay})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- n.Run(ctx) }()
		l := &live{Notifier: n, t: t, w: w}
		l.say("alice", 1, "hi")
		pass(delay)
		start := time.Now()
		cancel()
		if err := <-stopped; err != nil || time.Since(start) > 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		expect(t, "records done: the next process is given them", []uint64{}, l.completed())
	})
}
