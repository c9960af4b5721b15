package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// person is a client and what its application saw.
type person struct {
	*client.Client
	mu   sync.Mutex
	seen map[string][]protocol.Entry
}

// join connects. change may adjust the options.
func join(t *testing.T, url, user string, change func(*client.Options)) *person {
	t.Helper()
	p := &person{seen: map[string][]protocol.Entry{}}
	o := client.Options{
		URL: url, Token: client.StaticToken(user), Device: "phone", Platform: "cli", MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
		OnEntries: func(conversation string, entries []protocol.Entry) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.seen[conversation] = append(p.seen[conversation], entries...)
		},
	}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
	defer cancel()
	c, err := client.Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	p.Client = c
	t.Cleanup(func() { _ = c.Close() })
	return p
}

func (p *person) entries(conversation string) []protocol.Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]protocol.Entry(nil), p.seen[conversation]...)
}

// wait waits until the application has seen last, and requires every seq from the first on, once and in order.
func (p *person) wait(t *testing.T, conversation string, first, last uint64) []protocol.Entry {
	t.Helper()
	var got []protocol.Entry
	gatewaytest.Eventually(t, fmt.Sprintf("%s #%d is seen", conversation, last), func() bool {
		got = p.entries(conversation)
		return len(got) > 0 && got[len(got)-1].Seq >= last
	})
	if diff := cmp.Diff(gatewaytest.Range(first, last), gatewaytest.Seqs(got)); diff != "" {
		t.Errorf("what the application saw, -want +got:\n%s", diff)
	}
	return got
}

func bodiesOf(entries []protocol.Entry, user string) []string {
	var out []string
	for _, e := range entries {
		if e.Kind == protocol.KindMessage && e.Sender == user {
			out = append(out, e.Body)
		}
	}
	return out
}

func TestTwoTalk(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	alice, bob := join(t, g.URL, "alice", nil), join(t, g.URL, "bob", nil)
	c, err := alice.CreateDirect(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	ack, err := alice.Send(t.Context(), c.ID, "hello")
	if err != nil || ack.Seq != 2 || ack.Conversation != c.ID || ack.At.IsZero() {
		t.Errorf("ack = %+v, %v", ack, err)
	}
	if got := bodiesOf(bob.wait(t, c.ID, 1, 2), "alice"); len(got) != 1 || got[0] != "hello" {
		t.Errorf("bob saw %q", got)
	}
	if _, err := bob.Send(t.Context(), c.ID, "hi"); err != nil {
		t.Fatal(err)
	}
	alice.wait(t, c.ID, 1, 3)
	w.Eventually("what was handled is confirmed", func() bool {
		return w.Marks.Mark(w.User("alice"), w.Conv(c.ID), "phone").Delivered == 3
	})
	alice.Read(c.ID, 3)
	w.Eventually("what was read is told", func() bool { return w.MarkLog.Published(w.User("alice")) == 3 })
}

func TestNothingIsLostOrDoubledHoweverOftenTheLineIsCut(t *testing.T) {
	w := gatewaytest.New(t)
	pods := []*gatewaytest.Pod{w.Pod("c1"), w.Pod("c2")}
	g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
	w.Create("room", "alice", "bob")
	a, b := w.Proxy(g1.URL), w.Proxy(g2.URL)
	alice, bob := join(t, a.URL, "alice", nil), join(t, b.URL, "bob", nil)

	// Some answers are lost, each with a window of others behind it, and every seventh message is refused once.
	var n atomic.Int64
	for _, p := range pods {
		p.After(func(*chatpb.Send) bool { return n.Add(1)%61 != 0 })
		p.Before(func(*chatpb.Send) *chatpb.Result {
			if n.Add(1)%7 == 0 {
				return &chatpb.Result{Code: string(protocol.CodeBusy), RetryAfterMs: 1}
			}
			return nil
		})
	}
	const count = 120
	var messages []*client.Message
	var want []string
	for i := range count {
		body := fmt.Sprintf("message %d", i)
		m, err := alice.Enqueue("room", body)
		if err != nil {
			t.Fatal(err)
		}
		messages, want = append(messages, m), append(want, body)
		switch i % 20 {
		case 5:
			a.Cut()
		case 10:
			b.Cut()
		case 15:
			a.Point(g2.URL)
			b.Point(g1.URL)
			a.Cut()
		}
		if i == 60 {
			pods[0].Break()
		}
	}
	// An answer that was lost shows when its connection is cut, or after the pool's 10 s.
	stop := make(chan struct{})
	var cutter sync.WaitGroup
	cutter.Go(func() {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				a.Cut()
			}
		}
	})
	for i, m := range messages {
		ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
		if _, err := m.Wait(ctx); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		cancel()
	}
	close(stop)
	cutter.Wait()
	for name, p := range map[string]*person{"alice": alice, "bob": bob} {
		if diff := cmp.Diff(want, bodiesOf(p.wait(t, "room", 1, count+1), "alice")); diff != "" {
			t.Errorf("what %s saw, -want +got:\n%s", name, diff)
		}
	}
}

func TestARefusedMessageIsSentAgainInItsPlace(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice", "bob")
	line := w.Proxy(g.URL)
	var n atomic.Int64
	p.Before(func(*chatpb.Send) *chatpb.Result {
		if n.Add(1)%3 == 1 {
			return &chatpb.Result{Code: string(protocol.CodeBusy), RetryAfterMs: 1}
		}
		return nil
	})
	alice := join(t, line.URL, "alice", nil)
	var messages []*client.Message
	var want []string
	for i := range 12 {
		body := fmt.Sprintf("message %d", i)
		m, err := alice.Enqueue("room", body)
		if err != nil {
			t.Fatal(err)
		}
		messages, want = append(messages, m), append(want, body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
	defer cancel()
	for i, m := range messages {
		if ack, err := m.Wait(ctx); err != nil || ack.Seq != uint64(i+2) {
			t.Fatalf("message %d: %+v, %v", i, ack, err)
		}
	}
	if diff := cmp.Diff(want, bodiesOf(alice.wait(t, "room", 1, 13), "alice")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := line.Dials(); n != 1 {
		t.Errorf("it took %d connections", n)
	}
}

func TestADrainMovesClientsToAnotherGateway(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
	v := w.Create("room", "alice", "bob")
	p := w.Proxy(g1.URL)
	alice := join(t, p.URL, "alice", nil)
	alice.wait(t, "room", 1, 1)
	p.Point(g2.URL)
	if err := g1.Stop(); err != nil {
		t.Fatal(err)
	}
	w.Say(v, "bob", "meanwhile")
	alice.wait(t, "room", 1, 2)
	if _, err := alice.Send(t.Context(), "room", "here again"); err != nil {
		t.Error(err)
	}
}

func TestALongAbsenceIsFetched(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	for range 650 {
		w.Say(v, "bob", "hello")
	}
	join(t, g.URL, "alice", nil).wait(t, "room", 1, 651)

	var asked [2]uint64
	lazy := join(t, g.URL, "bob", func(o *client.Options) {
		o.OnGap = func(_ string, from, to uint64) bool { asked = [2]uint64{from, to}; return true }
	})
	lazy.wait(t, "room", 452, 651)
	if asked != [2]uint64{1, 451} {
		t.Errorf("the application was asked about %v", asked)
	}
	w.Eventually("the gap is confirmed as well", func() bool { return w.Marks.Mark(w.User("bob"), v, "phone").Delivered == 651 })
}

func TestErrorsAreTyped(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "bob")
	w.Create("mine", "alice")
	alice := join(t, g.URL, "alice", nil)
	p.Before(func(s *chatpb.Send) *chatpb.Result {
		if s.GetBody() == "internal" {
			return &chatpb.Result{Code: string(protocol.CodeInternal)}
		}
		return nil
	})
	send := func(conversation, body string) error {
		_, err := alice.Send(t.Context(), conversation, body)
		return err
	}
	cases := map[string]struct {
		reason string
		err    error
		want   protocol.Code
	}{
		"NotMember": {"it is bob's room", send("room", "x"), protocol.CodeNotMember},
		"TooLarge":  {"bodies are bounded", send("mine", strings.Repeat("x", protocol.MaxBodyBytes+1)), protocol.CodeTooLarge},
		"Empty":     {"the gateway names the field", send("mine", ""), protocol.CodeInvalid},
		"Internal":  {"it is not tried for ever", send("mine", "internal"), protocol.CodeInternal},
		"REST":      {"problems are errors too", func() error { _, err := alice.CreateDirect(t.Context(), "alice"); return err }(), protocol.CodeInvalid},
	}
	for name, tc := range cases {
		if !errors.Is(tc.err, &client.Error{Code: tc.want}) {
			t.Errorf("%s (%s): %v, want code %s", name, tc.reason, tc.err, tc.want)
		}
	}
	if err := send("mine", "and the next goes through"); err != nil {
		t.Error(err)
	}
}

func TestARetryThatIsTooOldIsLookedUp(t *testing.T) {
	cases := map[string]struct {
		reason string
		commit bool
		want   uint64
	}{
		"Committed": {"the history has it: nothing is sent twice", true, 2},
		"Lost":      {"the history does not have it: it is sent with a fresh after_seq", false, 3},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := gatewaytest.New(t)
			p := w.Pod("c1")
			g := w.Gateway("g1", nil)
			v := w.Create("room", "alice", "bob")
			alice := join(t, g.URL, "alice", nil)
			alice.wait(t, "room", 1, 1)
			var step atomic.Int32
			p.Before(func(s *chatpb.Send) *chatpb.Result {
				switch step.Add(1) {
				case 1:
					if tc.commit {
						return nil
					}
					w.Say(v, "bob", "in between")
					return &chatpb.Result{Code: string(protocol.CodeUnavailable), RetryAfterMs: 1}
				case 2:
					return &chatpb.Result{Code: string(protocol.CodeRetryTooOld)}
				default:
					if s.GetAfterSeq() != 2 {
						t.Errorf("after_seq = %d, want the head", s.GetAfterSeq())
					}
					return nil
				}
			})
			p.After(func(*chatpb.Send) bool {
				if step.Load() == 1 {
					p.Break()
					return false
				}
				return true
			})
			m, err := alice.Enqueue("room", "hello")
			if err != nil {
				t.Fatal(err)
			}
			if tc.commit {
				w.Eventually("the message came", func() bool { return step.Load() == 1 })
				w.Eventually("the pod is gone", func() bool { return p.Streams() == 0 })
				p.Restart()
			}
			ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
			defer cancel()
			ack, err := m.Wait(ctx)
			if err != nil || ack.Seq != tc.want {
				t.Errorf("%s: ack = %+v, %v, want seq %d", tc.reason, ack, err, tc.want)
			}
		})
	}
}

func TestGivingUp(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
	defer cancel()
	_, err := client.Dial(ctx, client.Options{URL: g.URL, Token: client.StaticToken("bad"), Device: "phone"})
	var closed *client.CloseError
	if !errors.As(err, &closed) || closed.Code != protocol.CloseUnauthenticated || !errors.Is(err, &client.Error{Code: protocol.CodeUnauthenticated}) {
		t.Errorf("a refused token: %v", err)
	}

	older := join(t, g.URL, "alice", nil)
	m, err := older.Enqueue("room", "waits for a pod")
	if err != nil {
		t.Fatal(err)
	}
	join(t, g.URL, "alice", nil)
	select {
	case <-older.Done():
	case <-ctx.Done():
		t.Fatal("the replaced client lives on")
	}
	if err := older.Err(); !errors.As(err, &closed) || closed.Code != protocol.CloseReplaced {
		t.Errorf("a replaced client: %v", err)
	}
	if _, err := m.Wait(ctx); !errors.As(err, &closed) {
		t.Errorf("its message: %v", err)
	}
	if _, err := older.Send(ctx, "room", "x"); !errors.As(err, &closed) {
		t.Errorf("a new message: %v", err)
	}
}

func TestAnExpiredTokenIsRenewed(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	var asked atomic.Int32
	join(t, g.URL, "", func(o *client.Options) {
		o.Token = func(context.Context) (string, error) {
			if asked.Add(1) == 1 {
				return "expired", nil
			}
			return "alice", nil
		}
	})
	if n := asked.Load(); n != 2 {
		t.Errorf("the token was asked for %d times, want 2", n)
	}
}

func TestDialEndsWithItsContextAndSaysWhy(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Proxy("")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		gatewaytest.Eventually(t, "it tries", func() bool { return p.Dials() > 1 })
		cancel()
	}()
	_, err := client.Dial(ctx, client.Options{
		URL: p.URL, Token: client.StaticToken("alice"), Device: "phone", MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
	})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "connect") {
		t.Errorf("err = %v", err)
	}
}

func TestTheOutboxIsBounded(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	alice := join(t, g.URL, "alice", func(o *client.Options) { o.MaxPending = 2 })
	for range 2 {
		if _, err := alice.Enqueue("room", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := alice.Enqueue("room", "x"); !errors.Is(err, client.ErrOutboxFull) {
		t.Errorf("err = %v", err)
	}
	if err := alice.Close(); err != nil {
		t.Error(err)
	}
	if _, err := alice.Enqueue("room", "x"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// memory is a State.
type memory struct {
	mu   sync.Mutex
	seqs map[string]uint64
}

func (m *memory) Load(context.Context) (map[string]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.seqs), nil
}

func (m *memory) Save(_ context.Context, conversation string, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seqs[conversation] = max(m.seqs[conversation], seq)
	return nil
}

func TestAClientThatStartsAgainSeesNothingTwice(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	w.Marks.Break(true)
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", "one", "two")
	// The application saw all of it; neither cache nor store ever heard so.
	state := &memory{seqs: map[string]uint64{"room": 3}}
	alice := join(t, g.URL, "alice", func(o *client.Options) { o.State = state })
	w.Say(v, "bob", "three")
	alice.wait(t, "room", 4, 4)
	if err := alice.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]uint64{"room": 4}, state.seqs); diff != "" {
		t.Errorf("state, -want +got:\n%s", diff)
	}
	w.Eventually("Close has confirmed what was handled", func() bool {
		m, err := w.Store.Membership(t.Context(), w.User("alice"), v)
		return err == nil && m.Delivered["phone"] == 4
	})
}
