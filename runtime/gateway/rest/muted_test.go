package rest_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// hush mutes alice until a time, in Unix milliseconds.
type hush struct{ until atomic.Int64 }

func (h *hush) Until(u store.User) (time.Time, bool) {
	until := time.UnixMilli(h.until.Load())
	return until, u.ID() == "alice" && until.After(time.Now())
}

// Who is muted is told until when, on REST and on the socket, and goes on reading.
func TestWhoIsMutedLearnsUntilWhen(t *testing.T) {
	w := gatewaytest.New(t)
	mutes := &hush{}
	w.RealPod("c1", func(o *chat.Options) { o.Mutes = mutes })
	url := w.Gateway("g1", nil).URL
	room := group(t, url, "bob")
	send(t, url, room, "alice", "k1", "hello")
	until := time.Now().Add(time.Hour)
	mutes.until.Store(until.UnixMilli())

	a := call(t, url, ask{method: http.MethodPost, path: room + "/messages", token: "alice", body: `{"body":"more"}`})
	p := wantProblem(t, a, protocol.CodeMuted, "a message")
	says := "until " + until.UTC().Format(time.RFC3339)
	if p.Detail != says || p.RetryAfterMS == 0 {
		t.Errorf("the problem %+v does not say %q", p, says)
	}
	a = call(t, url, ask{method: http.MethodPost, path: "/v1/conversations", token: "alice", body: `{"kind":"group","title":"more","members":["bob"]}`})
	wantProblem(t, a, protocol.CodeMuted, "a group")

	s := w.Hello(url, "alice", "phone")
	s.Say(protocol.ClientFrame{Type: protocol.TypeSend, Conversation: room[len("/v1/conversations/"):], ClientMsgID: "m1", Body: "more"})
	f := s.Expect(protocol.TypeError)
	if f.Code != protocol.CodeMuted || f.ClientMsgID != "m1" || f.Detail != says || f.RetryAfterMS == 0 {
		t.Errorf("the error %+v does not say %q", f, says)
	}
	if page := get[protocol.HistoryPage](t, url, room+"/messages", "alice"); len(page.Entries) != 2 {
		t.Errorf("she reads %d entries, not 2", len(page.Entries))
	}
	send(t, url, room, "bob", "k2", "hello")
	mutes.until.Store(0)
	// The refusal held nothing else back.
	s.Say(protocol.ClientFrame{Type: protocol.TypeSend, Conversation: room[len("/v1/conversations/"):], ClientMsgID: "m2", Body: "again"})
	if ack := s.Expect(protocol.TypeAck); ack.ClientMsgID != "m2" {
		t.Errorf("got %+v", ack)
	}
}
