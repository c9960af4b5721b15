package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func TestChangesOfMessagesAreAcknowledgedInOrder(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice", "bob")
	alice, bob := join(t, g.URL, "alice", nil), join(t, g.URL, "bob", nil)
	ctx := t.Context()
	var got []uint64
	for _, do := range []func() (client.Ack, error){
		func() (client.Ack, error) { return alice.Send(ctx, "room", "hello") },
		func() (client.Ack, error) { return alice.Edit(ctx, "room", 2, "hello!") },
		func() (client.Ack, error) { return alice.React(ctx, "room", 2, "👍", false) },
		func() (client.Ack, error) { return alice.Delete(ctx, "room", 2) },
	} {
		ack, err := do()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ack.Seq)
	}
	if diff := cmp.Diff(gatewaytest.Range(2, 5), got); diff != "" {
		t.Errorf("acks, -want +got:\n%s", diff)
	}
	var kinds []string
	for _, e := range bob.wait(t, "room", 1, 5)[1:] {
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff([]string{protocol.KindMessage, protocol.KindEdited, protocol.KindReacted, protocol.KindDeleted}, kinds); diff != "" {
		t.Errorf("what bob saw, -want +got:\n%s", diff)
	}
	if _, err := alice.Edit(ctx, "room", 2, strings.Repeat("x", protocol.MaxBodyBytes+1)); !errors.Is(err, &client.Error{Code: protocol.CodeTooLarge}) {
		t.Errorf("a long edit: %v, want too_large", err)
	}
}

func TestWhatIsEnqueuedKeepsItsOrderAndItsName(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice", "bob")
	alice, bob := join(t, g.URL, "alice", nil), join(t, g.URL, "bob", nil)
	var names []string
	for _, enqueue := range []func() (*client.Message, error){
		func() (*client.Message, error) { return alice.Enqueue("room", "hello") },
		func() (*client.Message, error) { return alice.EnqueueEdit("room", 2, "hello!") },
		func() (*client.Message, error) { return alice.EnqueueReact("room", 2, "👍", false) },
		func() (*client.Message, error) { return alice.EnqueueDelete("room", 2) },
	} {
		m, err := enqueue()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, m.ID())
	}
	var seen []string
	for _, e := range bob.wait(t, "room", 1, 5)[1:] {
		seen = append(seen, e.ClientMsgID)
	}
	if diff := cmp.Diff(names, seen); diff != "" {
		t.Errorf("what bob saw, -want +got:\n%s", diff)
	}
}

func TestPagesOverTheSocket(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", "two", "three")
	p := w.Proxy(g.URL)
	alice := join(t, p.URL, "alice", nil)
	one := uint64(1)
	page, err := alice.Page(t.Context(), "room", client.Range{After: &one, Limit: 1})
	if err != nil || !page.More || len(page.Entries) != 1 || page.Entries[0].Seq != 2 {
		t.Errorf("got %+v, %v: want #2 and more", page, err)
	}
	if _, err := alice.Page(t.Context(), "hall", client.Range{}); !errors.Is(err, &client.Error{Code: protocol.CodeNotMember}) {
		t.Errorf("a foreign conversation: %v, want not_member", err)
	}
	p.Point("")
	p.Cut()
	w.Eventually("the client knows that it is offline", func() bool {
		_, err := alice.Page(t.Context(), "room", client.Range{})
		return errors.Is(err, client.ErrOffline)
	})
	if err := alice.Typing("room", true); !errors.Is(err, client.ErrOffline) {
		t.Errorf("typing offline: %v", err)
	}
}

func TestATokenIsRefreshedWithoutAReconnect(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	p := w.Proxy(g.URL)
	var asked atomic.Int64
	alice := join(t, p.URL, "alice", func(o *client.Options) {
		o.Token = func(context.Context) (string, error) {
			switch asked.Add(1) {
			case 1:
				return "alice~-28500ms", nil // with the skew, a second and a half are left
			default:
				return "alice~1h", nil
			}
		}
	})
	w.Eventually("the client was offered a refresh and asked for a token", func() bool { return asked.Load() == 2 })
	until := time.Now().Add(2 * time.Second)
	for time.Now().Before(until) {
		if _, err := alice.Send(t.Context(), "room", "still here"); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Dials(); n != 1 {
		t.Errorf("%d connections, want the first one alone", n)
	}
}

// scripted is a server that welcomes everybody and does what the test says.
type scripted struct {
	url string
	mu  sync.Mutex
	got []protocol.ClientFrame
	ws  *websocket.Conn
}

func script(t *testing.T) *scripted {
	t.Helper()
	s := &scripted{}
	up := websocket.Upgrader{Subprotocols: []string{protocol.Subprotocol}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.Close() }()
		for {
			_, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			var f protocol.ClientFrame
			if err := json.Unmarshal(data, &f); err != nil {
				t.Error(err)
			}
			s.mu.Lock()
			s.got = append(s.got, f)
			if f.Type == protocol.TypeHello {
				s.ws = ws
				_ = ws.WriteJSON(protocol.ServerFrame{Type: protocol.TypeWelcome, User: "alice"})
			}
			s.mu.Unlock()
		}
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

func (s *scripted) say(t *testing.T, f protocol.ServerFrame) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ws.WriteJSON(f); err != nil {
		t.Fatal(err)
	}
}

// frames are what came, of a type.
func (s *scripted) frames(kind string) []protocol.ClientFrame {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []protocol.ClientFrame
	for _, f := range s.got {
		if f.Type == kind {
			out = append(out, f)
		}
	}
	return out
}

func TestTypingAndPresence(t *testing.T) {
	s := script(t)
	var mu sync.Mutex
	var typing []string
	var presence []protocol.Presence
	alice := join(t, s.url, "alice", func(o *client.Options) {
		o.OnTyping = func(conversation, user string, active bool) {
			mu.Lock()
			defer mu.Unlock()
			typing = append(typing, conversation+" "+user)
			_ = active
		}
		o.OnPresence = func(p []protocol.Presence) {
			mu.Lock()
			defer mu.Unlock()
			presence = append(presence, p...)
		}
	})
	if err := errors.Join(alice.Typing("room", true), alice.Watch("bob", "carol")); err != nil {
		t.Fatal(err)
	}
	gatewaytest.Eventually(t, "both are told", func() bool {
		return len(s.frames(protocol.TypeTyping)) == 1 && len(s.frames(protocol.TypePresence)) == 1
	})
	s.say(t, protocol.ServerFrame{Type: protocol.TypeTyping, Conversation: "room", User: "bob", Active: true})
	want := []protocol.Presence{{User: "bob", Online: true}, {User: "carol", LastSeenMS: 7}}
	s.say(t, protocol.ServerFrame{Type: protocol.TypePresence, Presence: want})
	gatewaytest.Eventually(t, "both are heard of", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(typing) == 1 && len(presence) == 2
	})
	if diff := cmp.Diff(want, presence); diff != "" || typing[0] != "room bob" {
		t.Errorf("typing %v, presence -want +got:\n%s", typing, diff)
	}
	// Who is watched is told again after a reconnect; who typed is not.
	s.mu.Lock()
	_ = s.ws.Close()
	s.mu.Unlock()
	gatewaytest.Eventually(t, "the watch is told again", func() bool { return len(s.frames(protocol.TypePresence)) == 2 })
	if diff := cmp.Diff([]string{"bob", "carol"}, s.frames(protocol.TypePresence)[1].Users); diff != "" {
		t.Errorf("watched after the reconnect, -want +got:\n%s", diff)
	}
	if n := len(s.frames(protocol.TypeTyping)); n != 1 {
		t.Errorf("typing was told %d times", n)
	}
	if err := alice.Watch(make([]string, protocol.MaxPresenceUsers+1)...); !errors.Is(err, &client.Error{Code: protocol.CodeInvalid}) {
		t.Errorf("too many: %v", err)
	}
}
