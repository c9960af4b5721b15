package push_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/push"
)

// fakeSender answers with what its field says.
type fakeSender struct {
	mu    sync.Mutex
	calls int
	send  func(push.Message) push.Result
}

func (f *fakeSender) Send(_ context.Context, _ string, messages []push.Message) []push.Result {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	out := make([]push.Result, len(messages))
	for i, m := range messages {
		out[i] = f.send(m)
	}
	return out
}

func always(o push.Outcome) func(push.Message) push.Result {
	return func(push.Message) push.Result { return push.Result{Outcome: o} }
}

func TestMessagesShowNoSecrets(t *testing.T) {
	m := push.Message{Address: "secret-token", Channel: push.GCM, Title: "secret-title", Body: "secret-body"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "message", m)
	for _, s := range []string{fmt.Sprint(m), fmt.Sprintf("%v %+v %#v %s", m, m, m, m), fmt.Sprint([]push.Message{m}), log.String()} {
		if strings.Contains(s, "secret") {
			t.Errorf("%q shows what it must not", s)
		}
	}
}

func TestABreakerStopsCallingAPlatformThatRefusesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &fakeSender{send: always(push.Failed)}
		b := push.NewBreaker(next)
		one := []push.Message{{Address: "a", Channel: push.APNS}}
		send := func() push.Result { return b.Send(t.Context(), "app", one)[0] }
		for range push.DefaultThreshold {
			if r := send(); r.Held || r.Outcome != push.Failed {
				t.Fatalf("%+v, want the platform's own answer", r)
			}
		}
		r := send()
		if !r.Held || r.Outcome != push.Retry || r.RetryAfter <= 0 {
			t.Fatalf("%+v, want it held", r)
		}
		if next.calls != push.DefaultThreshold {
			t.Fatalf("%d calls, want %d", next.calls, push.DefaultThreshold)
		}
		if r := b.Send(t.Context(), "app", []push.Message{{Channel: push.GCM}})[0]; r.Held {
			t.Error("another channel is held too")
		}

		time.Sleep(2 * push.DefaultCooldown) // the bubble's clock
		if r := send(); r.Held {
			t.Fatal("no probe after the cooldown")
		}
		if r := send(); !r.Held {
			t.Fatal("the probe failed and the circuit is closed")
		}
		next.send = always(push.Delivered)
		time.Sleep(2 * push.MaxCooldown)
		for range 2 {
			if r := send(); r.Outcome != push.Delivered {
				t.Fatalf("%+v after the platform came back", r)
			}
		}
	})
}

func TestABreakerLetsOneProbeThroughAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &fakeSender{send: always(push.Retry)}
		b := push.NewBreaker(next)
		one := []push.Message{{Channel: push.APNS}}
		for range push.DefaultThreshold {
			b.Send(t.Context(), "app", one)
		}
		time.Sleep(2 * push.DefaultCooldown) // the bubble's clock
		probe := make(chan struct{})
		next.send = func(push.Message) push.Result { <-probe; return push.Result{Outcome: push.Delivered} }
		var wg sync.WaitGroup
		wg.Go(func() { b.Send(t.Context(), "app", one) })
		synctest.Wait()
		if r := b.Send(t.Context(), "app", one)[0]; !r.Held || r.RetryAfter <= 0 {
			t.Errorf("%+v while a probe is under way, want it held", r)
		}
		close(probe)
		wg.Wait()
		if r := b.Send(t.Context(), "app", one)[0]; r.Held {
			t.Error("held after the probe succeeded")
		}
	})
}

func TestWhatIsNoReasonToBreak(t *testing.T) {
	cases := map[string]struct {
		reason string
		send   func(push.Message) push.Result
	}{
		"Tokens": {"dead tokens are the tokens' fault", always(push.Unregistered)},
		"Bad":    {"so are invalid ones", always(push.Invalid)},
		"Mixed": {"a part of the batch was accepted", func(m push.Message) push.Result {
			if m.Address == "good" {
				return push.Result{Outcome: push.Delivered}
			}
			return push.Result{Outcome: push.Retry}
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := push.NewBreaker(&fakeSender{send: tc.send})
			for range 10 {
				for _, r := range b.Send(t.Context(), "app", []push.Message{{Channel: push.GCM}, {Channel: push.GCM, Address: "good"}}) {
					if r.Held {
						t.Fatalf("held, but %s", tc.reason)
					}
				}
			}
		})
	}
}

func TestResultsKeepTheirPlaces(t *testing.T) {
	next := &fakeSender{send: func(m push.Message) push.Result {
		if m.Channel == push.ADM {
			return push.Result{Outcome: push.Failed}
		}
		return push.Result{Outcome: push.Delivered, Reason: m.Address}
	}}
	b := push.NewBreaker(next)
	batch := []push.Message{{Channel: push.ADM}, {Channel: push.GCM, Address: "1"}, {Channel: push.ADM}, {Channel: push.APNS, Address: "2"}}
	for range push.DefaultThreshold {
		b.Send(t.Context(), "app", batch)
	}
	var got []string
	for _, r := range b.Send(t.Context(), "app", batch) {
		got = append(got, r.Reason)
	}
	if diff := cmp.Diff([]string{"circuit_open", "1", "circuit_open", "2"}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestCallersThatGoAwayDoNotBreakTheCircuit(t *testing.T) {
	b := push.NewBreaker(&fakeSender{send: always(push.Retry)})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		b.Send(gone, "app", []push.Message{{Channel: push.GCM}})
	}
	if r := b.Send(t.Context(), "app", []push.Message{{Channel: push.GCM}})[0]; r.Held {
		t.Error("held")
	}
}
