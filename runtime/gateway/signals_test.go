package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// quietly says that no frame of the kind came before the pong of a ping that is sent now.
func quietly(t *testing.T, s *gatewaytest.Socket, kind string) {
	t.Helper()
	s.Say(protocol.ClientFrame{Type: protocol.TypePing})
	for f := s.Next(); f.Type != protocol.TypePong; f = s.Next() {
		if f.Type == kind {
			t.Errorf("a frame that is not for it: %+v", f)
		}
	}
}

func typing(conversation string, active bool) protocol.ClientFrame {
	return protocol.ClientFrame{Type: protocol.TypeTyping, Conversation: conversation, Active: active}
}

func TestTypingReachesMembersAtOtherGateways(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
	w.Create("room", "alice", "bob", "gone")
	w.Create("other", "carl")
	phone, tablet := w.Hello(g1.URL, "alice", "phone"), w.Hello(g2.URL, "alice", "tablet")
	bob, carl, gone := w.Hello(g2.URL, "bob", "phone"), w.Hello(g2.URL, "carl", "phone"), w.Hello(g2.URL, "gone", "phone")
	for _, s := range []*gatewaytest.Socket{phone, tablet, bob, carl, gone} {
		s.Entries(1)
	}
	w.Change(w.Conv("room"), "gone", false)
	gone.Entries(2)

	phone.Say(typing("room", true))
	want := protocol.ServerFrame{Type: protocol.TypeTyping, Conversation: "room", User: "alice", Active: true}
	for _, s := range []*gatewaytest.Socket{tablet, bob} {
		if diff := cmp.Diff(want, s.Expect(protocol.TypeTyping)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	phone.Say(typing("room", false))
	want.Active = false
	if diff := cmp.Diff(want, bob.Expect(protocol.TypeTyping)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	quietly(t, phone, protocol.TypeTyping)
	quietly(t, carl, protocol.TypeTyping)
	quietly(t, gone, protocol.TypeTyping)
	for _, s := range []*gatewaytest.Socket{carl, gone} {
		s.Say(typing("room", true))
		if f := s.Next(); f.Code != protocol.CodeNotMember {
			t.Errorf("who is no member gets %+v", f)
		}
	}
}

func TestTypingIsLimited(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice", "bob")
	w.Create("lobby", "alice", "bob")
	alice, bob := w.Hello(g.URL, "alice", "phone"), w.Hello(g.URL, "bob", "phone")
	for range 2 {
		alice.Entries(1)
		bob.Entries(1)
	}
	for range 20 {
		alice.Say(typing("room", true))
		alice.Say(typing("room", false))
	}
	alice.Say(typing("lobby", true))
	var got []string
	for len(got) == 0 || got[len(got)-1] != "lobby true" {
		f := bob.Expect(protocol.TypeTyping)
		got = append(got, fmt.Sprint(f.Conversation, " ", f.Active))
	}
	// A slow machine may take longer than two seconds over it.
	if len(got) > 7 {
		t.Errorf("%d signals came: %v", len(got), got)
	}
	if diff := cmp.Diff([]string{"room true", "room false"}, got[:2]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_ = p
}

func TestReceiptsReachMembersAtOtherGatewaysAndAreFew(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
	v := w.Create("room", "alice", "bob")
	phone, tablet, bob := w.Hello(g1.URL, "alice", "phone"), w.Hello(g2.URL, "alice", "tablet"), w.Hello(g2.URL, "bob", "phone")
	const last = 101
	w.Say(v, "bob", bodies(last-1)...)
	for _, s := range []*gatewaytest.Socket{phone, tablet, bob} {
		s.Entries(last)
	}
	begin := time.Now()
	for seq := range uint64(last) {
		phone.Say(mark(protocol.TypeDelivered, seq+1))
		phone.Say(mark(protocol.TypeRead, seq+1))
	}
	for _, s := range []*gatewaytest.Socket{tablet, bob} {
		n := 0
		var delivered, read uint64
		for delivered < last || read < last {
			f := s.Expect(protocol.TypeReceipt)
			want := protocol.ServerFrame{Type: protocol.TypeReceipt, Conversation: "room", User: "alice"}
			if diff := cmp.Diff(want, f, cmpopts.IgnoreFields(f, "Delivered", "Read")); diff != "" {
				t.Fatalf("-want +got:\n%s", diff)
			}
			delivered, read = max(delivered, f.Delivered), max(read, f.Read)
			n++
		}
		if most := 2 + 4*int(time.Since(begin)/time.Second+1); n > most {
			t.Errorf("%d receipts for %d marks, want %d at most", n, 2*last, most)
		}
	}
	quietly(t, phone, protocol.TypeReceipt)
}

func TestMarksGivenByRESTReachMembers(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", bodies(3)...) // 2, 3, 4
	w.Say(w.Create("lobby", "alice", "bob"), "bob", "hi")
	phone, bob := w.Hello(g1.URL, "alice", "phone"), w.Hello(g2.URL, "bob", "phone")
	for _, s := range []*gatewaytest.Socket{phone, bob} {
		for range 2 {
			s.Expect(protocol.TypeEntries)
		}
	}
	post := func(what, body string) {
		t.Helper()
		if status := postJSON(t, g1.URL, "/v1/conversations/room/"+what, "alice", body); status != http.StatusOK {
			t.Fatalf("%s %s: status %d", what, body, status)
		}
	}
	cases := []struct {
		reason, what, body string
		to                 []*gatewaytest.Socket
		want               protocol.ServerFrame
	}{
		{"the others, and the reader's own devices", "read", `{"seq":3}`, []*gatewaytest.Socket{phone, bob}, protocol.ServerFrame{Read: 3}},
		{"the device that has it knows", "delivered", `{"seq":2,"device":"phone"}`, []*gatewaytest.Socket{bob}, protocol.ServerFrame{Delivered: 2}},
		{"and so on", "read", `{"seq":4}`, []*gatewaytest.Socket{phone, bob}, protocol.ServerFrame{Read: 4}},
	}
	for _, tc := range cases {
		post(tc.what, tc.body)
		tc.want.Type, tc.want.Conversation, tc.want.User = protocol.TypeReceipt, "room", "alice"
		for _, s := range tc.to {
			if diff := cmp.Diff(tc.want, s.Expect(protocol.TypeReceipt)); diff != "" {
				t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
			}
		}
	}
	// What is known already is not told again. Marks of one moment are told together, and those of another conversation say when that was.
	post("read", `{"seq":4}`)
	post("read", `{"seq":2}`)
	for seq := range uint64(2) {
		if status := postJSON(t, g1.URL, "/v1/conversations/lobby/read", "alice", fmt.Sprintf(`{"seq":%d}`, seq+1)); status != http.StatusOK {
			t.Fatalf("read in the lobby: status %d", status)
		}
		for f := bob.Expect(protocol.TypeReceipt); f.Conversation != "lobby"; f = bob.Expect(protocol.TypeReceipt) {
			t.Errorf("an old mark is told again: %+v", f)
		}
	}
}

// postJSON makes a request and returns its status.
func postJSON(t *testing.T, url, path, token, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.Replace(url, "ws://", "http://", 1)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

// A conversation that is too large for receipts says so with each delivery: marks cost no signal then.
func TestALargeConversationGetsNoDeliveredReceipts(t *testing.T) {
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	p.Mute(true)
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	w.Create("small", "alice", "bob")
	alice, tablet, bob := w.Hello(g.URL, "alice", "phone"), w.Hello(g.URL, "alice", "tablet"), w.Hello(g.URL, "bob", "phone")
	for _, s := range []*gatewaytest.Socket{alice, tablet, bob} {
		s.Entries(1)
		s.Entries(1)
	}
	w.Say(v, "bob", "hello")
	stored, err := w.Store.Store.Read(t.Context(), v, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	p.Tell(&chatpb.ChatFrame{Deliveries: []*chatpb.Deliver{{Tenant: "t", Conversation: "room", Batch: stored[0].Batch, Large: true}}})
	alice.Entries(2)
	alice.Say(mark(protocol.TypeDelivered, 2))
	small := mark(protocol.TypeRead, 1)
	small.Conversation = "small"
	alice.Say(small)
	if f := bob.Expect(protocol.TypeReceipt); f.Conversation != "small" {
		t.Errorf("a receipt of a large conversation: %+v", f)
	}
	// What it reads there is for the user's own other devices.
	p.Tell(&chatpb.ChatFrame{Signals: []*chatpb.Signal{{
		Tenant: "t", Conversation: "room", User: "alice", Device: "phone", Own: true, Kind: &chatpb.Signal_Receipt{Receipt: &chatpb.Receipt{Read: 2}},
	}}})
	for f := tablet.Expect(protocol.TypeReceipt); f.Conversation != "room"; f = tablet.Expect(protocol.TypeReceipt) {
	}
	quietly(t, bob, protocol.TypeReceipt)
	quietly(t, alice, protocol.TypeReceipt)
}
