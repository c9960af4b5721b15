package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestADirectConversationIsOnePerPair(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	create := func(by, with string) (int, protocol.Conversation) {
		a := call(t, g.URL, ask{method: http.MethodPost, path: "/v1/conversations", token: by, body: `{"kind":"direct","user":"` + with + `"}`})
		return a.StatusCode, into[protocol.Conversation](t, a, a.StatusCode)
	}
	status, first := create("alice", "bob")
	if status != http.StatusCreated || !first.Created || len(first.ID) != 28 || !strings.HasPrefix(first.ID, "d-") {
		t.Errorf("the first: %d %+v", status, first)
	}
	status, second := create("bob", "alice")
	first.Created = false
	if diff := cmp.Diff(first, second); diff != "" || status != http.StatusOK {
		t.Errorf("from the other side: %d, -want +got:\n%s", status, diff)
	}
	if _, other := create("alice", "carol"); other.ID == first.ID {
		t.Error("two pairs share a conversation")
	}
}

func TestAGroupIsOnePerKey(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	create := func(key, title string) (int, protocol.Conversation) {
		a := call(t, g.URL, ask{
			method: http.MethodPost, path: "/v1/conversations", token: "alice", head: http.Header{"Idempotency-Key": {key}},
			body: `{"kind":"group","title":"` + title + `","members":["bob","bob","alice"]}`,
		})
		return a.StatusCode, into[protocol.Conversation](t, a, a.StatusCode)
	}
	_, one := create("k1", "team")
	if _, again := create("k1", "team"); again.ID != one.ID || again.Created {
		t.Errorf("the same key gave %+v after %+v", again, one)
	}
	if _, other := create("k2", "team"); other.ID == one.ID {
		t.Error("two keys share a group")
	}
	if status, _ := create("k1", "another"); status != http.StatusUnprocessableEntity {
		t.Errorf("the same key for something else: status %d", status)
	}
	_, a := create("", "team")
	if _, b := create("", "team"); a.ID == b.ID {
		t.Error("without a key two groups are one")
	}
	members, err := w.Store.Members(t.Context(), w.Conv(one.ID))
	if err != nil || len(members) != 2 || members[0].Role != store.RoleOwner || members[1].Role != store.RoleMember {
		t.Errorf("members = %+v, %v: want the owner and bob once", members, err)
	}
}

func TestAGroupThatWasLeftIsNotCreatedAgain(t *testing.T) {
	_, url := realWorld(t)
	q := ask{
		method: http.MethodPost, path: "/v1/conversations", token: "alice", body: `{"kind":"group","members":["bob"]}`, head: http.Header{"Idempotency-Key": {"k"}},
	}
	made := into[protocol.Conversation](t, call(t, url, q), http.StatusCreated)
	do(t, url, http.MethodPost, "/v1/conversations/"+made.ID+"/leave", "alice", "")
	wantProblem(t, call(t, url, q), protocol.CodeNotMember, "it is there, and not theirs any more")
}
