package chat

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// try sends one message; when the stream ends first, the outcome is unknown.
func (g *gateway) try(m msg) *chatpb.Result {
	g.t.Helper()
	f := &chatpb.GatewayFrame{}
	g.mu.Lock()
	g.ref++
	ref := g.ref
	f.Sends = []*chatpb.Send{{
		Ref: ref, Tenant: tenant, Conversation: m.conv, User: m.user, Device: "phone", ClientMsgId: m.id, Body: m.id, AfterSeq: m.after,
	}}
	g.mu.Unlock()
	unknown := &chatpb.Result{Code: string(protocol.CodeUnavailable)}
	if g.stream.Send(f) != nil {
		return unknown
	}
	r := unknown
	g.wait("result or the stream's end", func() bool {
		if got := g.results[ref]; got != nil {
			r = got
			return true
		}
		return g.err != nil
	})
	return r
}

// TestPodsDieWhileEverythingFails kills pods at random under a store and a Kafka that fail in every way, and checks what was
// promised: what was acknowledged is in the log, once, in its sender's order, and Kafka gets all of the log.
func TestPodsDieWhileEverythingFails(t *testing.T) {
	mem, k, reg := memStore(t), newKafka(), newRegistry()
	users := []string{"u0", "u1", "u2"}
	convs := []store.Conv{makeConv(t, mem, "c0", users...), makeConv(t, mem, "c1", users...)}
	var landing tasks
	later := func(f func()) {
		landing.Go(func() {
			timer := time.NewTimer(rand.N(30 * time.Millisecond))
			<-timer.C
			f()
		})
	}
	st := &faulty{Store: mem}
	st.append = func(_ context.Context, _ *logpb.Batch, put func() error) error {
		switch rand.IntN(10) {
		case 0:
			return errBoom
		case 1:
			if err := put(); err != nil {
				return err
			}
			return errBoom
		case 2:
			later(func() { _ = put() })
			return errBoom
		default:
			return put()
		}
	}
	st.mark = func(_ context.Context, mark func() error) error {
		if rand.IntN(3) == 0 {
			return errBoom
		}
		return mark()
	}
	st.read = func(context.Context, uint64) error {
		if rand.IntN(10) == 0 {
			return errBoom
		}
		return nil
	}
	k.set(func(c store.Conv, b *logpb.Batch, done func(error)) {
		switch rand.IntN(6) {
		case 0:
			done(errBoom)
		case 1: // accepted late, and nobody hears of it
			later(func() { k.accept(c, b) })
		default:
			k.accept(c, b)
			done(nil)
		}
	})

	var mu sync.Mutex
	var pods []*pod
	var gateways []*gateway
	born := 0
	boot := func(i int) {
		p := startPod(t, fmt.Sprint("chat-", born), st, k, reg, func(tn *Tunables) {
			tn.SendTimeout, tn.KafkaTimeout, tn.Grace = 200*time.Millisecond, 30*time.Millisecond, 20*time.Millisecond
		})
		born++
		g := p.connect()
		mu.Lock()
		pods[i], gateways[i] = p, g
		mu.Unlock()
	}
	pods, gateways = make([]*pod, 2), make([]*gateway, 2)
	boot(0)
	boot(1)

	const each = 30
	acked := make([][][]uint64, len(convs))
	var clients sync.WaitGroup
	for ci, c := range convs {
		acked[ci] = make([][]uint64, len(users))
		for ui, user := range users {
			clients.Go(func() {
				for i := 0; i < each; {
					mu.Lock()
					g := gateways[rand.IntN(2)]
					mu.Unlock()
					r := g.try(msg{conv: c.ID(), user: user, id: fmt.Sprint(user, "-", i)})
					switch code := protocol.Code(r.GetCode()); {
					case code == "":
						acked[ci][ui] = append(acked[ci][ui], r.GetSeq())
						i++
					case !code.Retryable():
						t.Errorf("%s-%d: %v", user, i, r)
						return
					}
				}
			})
		}
	}
	finished := make(chan struct{})
	go func() {
		clients.Wait()
		close(finished)
	}()
	for running := true; running; {
		select {
		case <-finished:
			running = false
		case <-time.After(100*time.Millisecond + rand.N(100*time.Millisecond)):
			i := rand.IntN(2)
			dead := pods[i]
			dead.kill()
			boot(i)
			reg.lapse(dead.o.Pod)
		}
	}
	landing.Wait()
	k.set(nil)
	st.set(func(f *faulty) { f.append, f.mark, f.read = nil, nil, nil })

	for ci, c := range convs {
		entries := logOf(t, mem, c)
		if got := len(bodies(entries)); got != each*len(users) {
			t.Errorf("%s: %d messages, want %d", c.ID(), got, each*len(users))
		}
		for ui, user := range users {
			for i, at := range acked[ci][ui] {
				if e := entries[at-1]; e.GetClientMsgId() != fmt.Sprint(user, "-", i) {
					t.Errorf("%s: %s-%d was acknowledged at %d, where %s is", c.ID(), user, i, at, e.GetClientMsgId())
				}
			}
			if !slices.IsSorted(acked[ci][ui]) {
				t.Errorf("%s: %s's messages are out of order: %v", c.ID(), user, acked[ci][ui])
			}
		}
		k.wait(t, c, each*len(users))
	}
}
