package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Another tenant's user of the same name, with every id that there is, gets, changes and learns nothing.
func TestATenantGetsNothingOfAnothers(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	w.RealPod("c1")
	w.Inbox = func(_ context.Context, u store.User, _ rest.InboxQuery) (protocol.InboxPage, error) {
		if u.Tenant() != gatewaytest.Tenant {
			return protocol.InboxPage{}, nil
		}
		return protocol.InboxPage{Items: []protocol.InboxItem{{Conversation: "secret", Kind: "group"}}, Next: "next"}, nil
	}
	url := w.Gateway("g1", nil).URL
	room := group(t, url, "bob", "carol")
	_, m := send(t, url, room, "alice", "k", "a secret")
	into[protocol.DeviceDetails](t, call(t, url, ask{method: http.MethodPut, path: "/v1/devices/phone", token: "alice", body: `{"platform":"ios"}`}), http.StatusOK)
	w.Hello(url, "bob", "phone")
	into[protocol.Conversation](t, call(t, url, ask{
		method: http.MethodPost, path: "/v1/conversations", token: "alice", body: `{"kind":"direct","user":"bob"}`}), http.StatusCreated)
	w.Eventually("bob is online", func() bool {
		return get[protocol.PresenceList](t, url, "/v1/presence?user=bob", "alice").Presence[0].Online
	})
	members := get[protocol.MembersPage](t, url, room+"/members?limit=1", "alice")
	before := get[protocol.HistoryPage](t, url, room+"/messages?after=0", "alice")

	const foreigner = "rival/alice"
	for _, r := range routes() {
		if !strings.Contains(r.Path, "{id}") {
			continue
		}
		q := good(r, foreigner)
		q.path = strings.Replace(q.path, "/v1/conversations/room", room, 1)
		if r.Path == "/v1/conversations/{id}/members" && r.Method == http.MethodGet {
			q.path += "?cursor=" + members.Next
		}
		wantProblem(t, call(t, url, q), protocol.CodeNotMember, operation(r.Method, r.Path)+" with another tenant's conversation")
	}
	// The tenant is in no id: naming it helps nobody.
	for _, id := range []string{"t/" + room[len("/v1/conversations/"):], "T#t#C#" + room[len("/v1/conversations/"):], "../t/x"} {
		path := "/v1/conversations/" + strings.NewReplacer("/", "%2F", "#", "%23", ".", "%2E").Replace(id) + "/messages"
		wantProblem(t, call(t, url, ask{method: http.MethodGet, path: path, token: foreigner}), protocol.CodeNotMember, id)
	}

	for _, path := range []string{"/v1/inbox", "/v1/inbox?cursor=next", "/v1/devices", "/v1/sessions", "/v1/presence?user=bob"} {
		a := call(t, url, ask{method: http.MethodGet, path: path, token: foreigner})
		for _, secret := range []string{"secret", "phone", "true"} {
			if a.StatusCode != http.StatusOK || strings.Contains(a.body, secret) {
				t.Errorf("%s: status %d, %s", path, a.StatusCode, a.body)
			}
		}
	}
	mine := get[protocol.InboxPage](t, url, "/v1/inbox", "alice")
	tag := call(t, url, ask{method: http.MethodGet, path: "/v1/inbox", token: "alice"}).Header.Get("ETag")
	a := call(t, url, ask{method: http.MethodGet, path: "/v1/inbox", token: foreigner, head: http.Header{"If-None-Match": {tag}}})
	if a.StatusCode != http.StatusOK || len(mine.Items) != 1 {
		t.Errorf("another tenant's ETag: status %d", a.StatusCode)
	}

	// A direct conversation of two of the same names is another one, though its id is the same.
	direct := into[protocol.Conversation](t, call(t, url, ask{
		method: http.MethodPost, path: "/v1/conversations", token: "alice", body: `{"kind":"direct","user":"bob"}`}), http.StatusOK)
	send(t, url, "/v1/conversations/"+direct.ID, "alice", "k2", "a secret")
	theirs := into[protocol.Conversation](t, call(t, url, ask{
		method: http.MethodPost, path: "/v1/conversations", token: foreigner, body: `{"kind":"direct","user":"bob"}`}), http.StatusCreated)
	if page := get[protocol.HistoryPage](t, url, "/v1/conversations/"+theirs.ID+"/messages", foreigner); len(page.Entries) != 1 {
		t.Errorf("theirs holds %+v", page.Entries)
	}

	// A rival who signs out and forgets a device does it to their own.
	call(t, url, ask{method: http.MethodDelete, path: "/v1/devices/phone", token: foreigner})
	call(t, url, ask{method: http.MethodPost, path: "/v1/sign-out-all", token: foreigner})
	if got := get[protocol.Devices](t, url, "/v1/devices", "alice").Devices; len(got) != 1 {
		t.Errorf("the devices are %+v", got)
	}
	after := get[protocol.HistoryPage](t, url, room+"/messages?after=0", "alice")
	if len(after.Entries) != len(before.Entries) || m.Seq != 2 {
		t.Errorf("%s has %d entries, not %d", room, len(after.Entries), len(before.Entries))
	}
	if m := get[protocol.ConversationDetails](t, url, room, "alice"); m.Members != 3 || fmt.Sprint(*m.Preferences.Pinned) != "false" {
		t.Errorf("the group is %+v", m)
	}
}
