package chat

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestCrashBetweenCommitAndPublish(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	published := make(chan struct{}, 100)
	k.set(func(store.Conv, *logpb.Batch, func(error)) { published <- struct{}{} }) // Kafka never gets it
	one := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.KafkaTimeout, tn.Grace = time.Hour, 200*time.Millisecond })
	g := one.connect()
	ref := g.post(msg{conv: "c", user: "ann", id: "m1", after: seq(1)})[0]
	<-published // the creation's batch
	<-published // m1's
	one.kill()
	g.mu.Lock()
	if r := g.results[ref]; r.GetCode() == "" && r != nil {
		t.Errorf("acknowledged although Kafka has nothing: %v", r)
	}
	g.mu.Unlock()

	k.set(nil)
	h := startPod(t, "chat-1", st, k, nil, nil).connect()
	h.mustSend(msg{conv: "c", user: "bob", id: "b1", after: seq(2)})
	k.wait(t, c, 2)
	if diff := cmp.Diff([]string{"m1", "b1"}, k.bodiesOf(c)); diff != "" {
		t.Errorf("Kafka (-want +got):\n%s", diff)
	}
	if r := h.mustSend(msg{conv: "c", user: "ann", id: "m1", after: seq(1)}); r.GetSeq() != 2 {
		t.Errorf("retry: got %v, want seq 2", r)
	}
}

func TestKafkaOutage(t *testing.T) {
	cases := map[string]struct {
		reason string
		down   func(store.Conv, *logpb.Batch, func(error))
	}{
		"Refusing": {"A full buffer or an error is known at once.", failKafka},
		"Silent":   {"A batch that Kafka does not answer for waits for its timer.", silentKafka},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			st, k := memStore(t), newKafka()
			c := makeConv(t, st, "c", "ann", "bob")
			p := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.KafkaTimeout, tn.BreakerFailures = 50*time.Millisecond, 3 })
			g := p.connect()
			g.mustSend(msg{conv: "c", user: "ann", id: "before"})
			k.set(tc.down)
			want := []string{"before"}
			for i := range 12 {
				id := fmt.Sprint("m", i)
				want = append(want, id)
				g.mustSend(msg{conv: "c", user: "ann", id: id}) // acknowledged all the same
			}
			if !p.breaker.isOpen() {
				t.Error("the breaker is closed after twelve failures")
			}
			owed, err := st.Outbox(t.Context(), store.OutboxShard(c), 100)
			if err != nil {
				t.Fatal(err)
			}
			if len(owed) != 12 {
				t.Errorf("the outbox holds %d batches, want all 12 that were acknowledged", len(owed))
			}
			eventually(t, "the outbox's age to be told", func() bool { return p.outbox.age() > 0 })
			k.set(nil)
			k.wait(t, c, len(want))
			if diff := cmp.Diff(want, k.bodiesOf(c)); diff != "" {
				t.Errorf("Kafka (-want +got):\n%s", diff)
			}
			eventually(t, "the outbox to be empty", func() bool {
				owed, err := st.Outbox(t.Context(), store.OutboxShard(c), 100)
				return err == nil && len(owed) == 0
			})
			eventually(t, "the outbox's age to be forgotten", func() bool { return p.outbox.age() == 0 })
			eventually(t, "the breaker to close", func() bool { return !p.breaker.isOpen() })
			g.mustSend(msg{conv: "c", user: "ann", id: "after"})
			if got := k.bodiesOf(c); got[len(got)-1] != "after" {
				t.Errorf("Kafka ends with %q, want %q", got[len(got)-1], "after")
			}
		})
	}
}

func TestAnotherPodDrainsTheOutbox(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	k.set(failKafka)
	one := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.Grace = 200 * time.Millisecond })
	g := one.connect()
	for i := range 5 {
		g.mustSend(msg{conv: "c", user: "ann", id: fmt.Sprint("m", i)})
	}
	one.kill()
	k.set(nil)
	startPod(t, "chat-1", st, k, nil, func(tn *Tunables) { tn.OutboxIdle = 200 * time.Millisecond })
	k.wait(t, c, 5)
	if diff := cmp.Diff([]string{"m0", "m1", "m2", "m3", "m4"}, k.bodiesOf(c)); diff != "" {
		t.Errorf("Kafka (-want +got):\n%s", diff)
	}
}

func TestNoAnswerWithoutKafkaOrOutbox(t *testing.T) {
	mem, k := memStore(t), newKafka()
	c := makeConv(t, mem, "c", "ann", "bob")
	st := &faulty{Store: mem}
	st.mark = func(context.Context, func() error) error { return errBoom }
	k.set(failKafka)
	g := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) {
		tn.SendTimeout, tn.BreakerFailures = 200*time.Millisecond, 1000
	}).connect()
	r := g.send(msg{conv: "c", user: "ann", id: "m1", after: seq(1)})
	if r.GetCode() != string(protocol.CodeUnavailable) {
		t.Fatalf("got %v, want %s: the message is stored, and neither Kafka nor the outbox has it", r, protocol.CodeUnavailable)
	}
	if r := g.send(msg{conv: "c", user: "ann", id: "m1", after: seq(1)}); r.GetCode() != string(protocol.CodeUnavailable) {
		t.Fatalf("retry: got %v, want %s: nothing has changed", r, protocol.CodeUnavailable)
	}
	st.set(func(f *faulty) { f.mark = nil })
	eventually(t, "the retry to succeed", func() bool {
		r := g.send(msg{conv: "c", user: "ann", id: "m1", after: seq(1)})
		return r.GetCode() == "" && r.GetSeq() == 2
	})
	k.set(nil)
	k.wait(t, c, 1)
	logOf(t, mem, c)
}

func TestRetryOfWhatIsOnItsWayWaits(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	var mu sync.Mutex
	var release []func()
	held := make(chan struct{}, 10)
	k.set(func(c store.Conv, b *logpb.Batch, done func(error)) {
		mu.Lock()
		defer mu.Unlock()
		release = append(release, func() { k.accept(c, b); done(nil) })
		held <- struct{}{}
	})
	g := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.KafkaTimeout = time.Hour }).connect()
	first := g.post(msg{conv: "c", user: "ann", id: "m1"})[0]
	<-held // the creation's batch
	<-held // m1's
	retry := g.post(msg{conv: "c", user: "ann", id: "m1"})[0]
	// Another conversation's answer passes: when it is here, the retry was looked at.
	k.set(nil)
	makeConv(t, st, "d", "ann", "bob")
	g.mustSend(msg{conv: "d", user: "ann", id: "d1"})
	g.mu.Lock()
	if g.results[first] != nil || g.results[retry] != nil {
		t.Error("answered before Kafka has it")
	}
	g.mu.Unlock()
	mu.Lock()
	for _, r := range release {
		r()
	}
	mu.Unlock()
	if a, b := g.result(first), g.result(retry); a.GetSeq() != 2 || b.GetSeq() != 2 {
		t.Errorf("got %v and %v, want seq 2 for both", a, b)
	}
	if got := len(logOf(t, st, c)); got != 2 {
		t.Errorf("the log has %d entries, want 2", got)
	}
}

func TestFailedPutIsNotPublished(t *testing.T) {
	mem, k := memStore(t), newKafka()
	c := makeConv(t, mem, "c", "ann", "bob")
	st := &faulty{Store: mem, append: func(context.Context, *logpb.Batch, func() error) error { return errBoom }}
	g := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.SendTimeout = 100 * time.Millisecond }).connect()
	if got := g.send(msg{conv: "c", user: "ann", id: "m1"}).GetCode(); got != string(protocol.CodeUnavailable) {
		t.Fatalf("got %q, want %q", got, protocol.CodeUnavailable)
	}
	if got := k.bodiesOf(c); len(got) != 0 {
		t.Errorf("Kafka has %v, want nothing", got)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if got := bodies(g.entries["c"]); len(got) != 0 {
		t.Errorf("delivered %v, want nothing", got)
	}
}
