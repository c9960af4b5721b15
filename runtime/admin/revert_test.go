package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// nothing is a read model that is empty.
type nothing struct{}

func (nothing) Entries(context.Context, store.Conv, uint64, uint64) ([]*logpb.Entry, error) {
	return nil, nil
}

// chats asks a gateway's REST API.
func chats[T any](t *testing.T, g *gatewaytest.Gateway, method, path, user, body string) T {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, strings.Replace(g.URL, "ws://", "http://", 1)+"/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+user)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	var out T
	if err != nil || res.StatusCode >= 300 || json.Unmarshal(data, &out) != nil {
		t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, data, err)
	}
	return out
}

// A message that a processor has hidden shows again on the members' screens when a moderator reverts that.
func TestARevertShowsTheMessageAgain(t *testing.T) {
	chat := gatewaytest.New(t)
	chat.RealPod("c1")
	g := chat.Gateway("g1", func(o *gateway.Options) {})
	pool := chat.Pool("admin")

	room := chats[protocol.Conversation](t, g, http.MethodPost, "/conversations", "alice", `{"kind":"group","title":"t","members":["bob"]}`).ID
	bob := chat.Hello(g.URL, "bob", "phone")
	said := chats[protocol.Appended](t, g, http.MethodPost, "/conversations/"+room+"/messages", "alice", `{"body":"buy now"}`)
	bob.Entries(said.Seq)
	hidden := chatpool.Submit(t.Context(), pool, &chatpb.Send{
		Tenant: string(gatewaytest.Tenant), Conversation: room, User: "spam", ClientMsgId: "v", Change: &chatpb.Send_Verdict{Verdict: &logpb.Verdict{
			Target: said.Seq, Action: protocol.ActionHide, Processor: "spam",
		}},
	})
	if hidden.GetCode() != "" {
		t.Fatalf("%v", hidden)
	}
	if got := bob.Entries(hidden.GetSeq()); got[len(got)-1].Verdict.Action != protocol.ActionHide {
		t.Fatalf("%+v", got)
	}
	page := func() protocol.Entry {
		t.Helper()
		path := fmt.Sprintf("/conversations/%s/messages?after=%d", room, said.Seq-1)
		return chats[protocol.HistoryPage](t, g, http.MethodGet, path, "bob", "").Entries[0]
	}
	if got := page(); got.Body != "" {
		t.Fatalf("it is hidden: %+v", got)
	}

	w := newWorld(t, func(o *admin.Options) { o.Chat, o.History = pool, history.NewReader(chat.Store, nothing{}) })
	w.review = func(c store.Conv, seq uint64) (readmodel.Review, error) {
		return readmodel.Review{
			Conv: c, Kind: store.Group, Seq: seq, Author: "alice", State: readmodel.ReviewOpen, Action: "hide", Processor: "spam", VerdictSeq: hidden.GetSeq(),
		}, nil
	}
	const moderator = string(gatewaytest.Tenant) + "/mia:chat.moderate"
	path := fmt.Sprintf("/reviews/%s/%d", room, said.Seq)
	shown := get[admin.Messages](w, moderator, path+"/messages?side=2")
	var bodies []string
	for _, e := range shown.Entries {
		bodies = append(bodies, e.Body)
	}
	if strings.Join(bodies, "|") != "|buy now|" {
		t.Errorf("a moderator sees what it is about: %+v", shown)
	}
	confirmed := post[admin.Decided](w, moderator, path+"/confirm", "", http.StatusOK)
	entries := bob.Entries(confirmed.Seq)
	if e := entries[len(entries)-1]; e.Verdict.Action != protocol.ActionHide || e.Sender != protocol.ProcessorModerator || e.ClientMsgID != "" || e.Verdict.Processor != protocol.ProcessorModerator {
		t.Errorf("%+v", e)
	}
	reverted := post[admin.Decided](w, moderator, path+"/revert", "", http.StatusOK)
	entries = bob.Entries(reverted.Seq)
	if e := entries[len(entries)-1]; e.Kind != protocol.KindVerdict || e.Target != said.Seq || e.Verdict.Action != protocol.ActionNone || e.Sender != protocol.ProcessorModerator {
		t.Errorf("bob's screen is not told: %+v", e)
	}
	if got := page(); got.Body != "buy now" || got.Verdict != nil {
		t.Errorf("it shows again: %+v", got)
	}
	who := map[string]bool{}
	for _, e := range get[admin.Messages](w, moderator, path+"/messages?side=4").Entries {
		who[e.Sender] = true
	}
	if !who["mia"] {
		t.Errorf("moderators see which of them decided, not %v", who)
	}
	if again := post[admin.Decided](w, moderator, path+"/revert", "", http.StatusOK); again != reverted {
		t.Errorf("asked for again, it is the same entry: %+v, not %+v", again, reverted)
	}
}
