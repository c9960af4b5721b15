package rest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// real is a world with a chat service of its own and one gateway.
func realWorld(t *testing.T) (*gatewaytest.World, string) {
	t.Helper()
	w := gatewaytest.New(t)
	w.RealPod("c1")
	return w, w.Gateway("g1", nil).URL
}

// group creates one of alice's and returns its path.
func group(t *testing.T, url string, members ...string) string {
	t.Helper()
	body := `{"kind":"group","title":"team","members":[`
	for i, m := range members {
		if i > 0 {
			body += ","
		}
		body += `"` + m + `"`
	}
	a := call(t, url, ask{method: http.MethodPost, path: "/v1/conversations", token: "alice", body: body + "]}"})
	return "/v1/conversations/" + into[protocol.Conversation](t, a, http.StatusCreated).ID
}

func TestAConversationIsShownAsItsMemberMaySeeIt(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "bob", "carol")
	no := false
	muted := int64(0)
	plain := protocol.ConversationPreferences{MutedUntilMS: &muted, Archived: &no, Pinned: &no}
	id := room[len("/v1/conversations/"):]

	got := get[protocol.ConversationDetails](t, url, room, "alice")
	want := protocol.ConversationDetails{ID: id, Kind: "group", Title: "team", Role: "owner", Members: 3, Joined: 1, Head: 1, Preferences: plain}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the owner's, -want +got:\n%s", diff)
	}

	left := do(t, url, http.MethodPost, room+"/leave", "bob", "")
	do(t, url, http.MethodPatch, room, "alice", `{"title":"another"}`)
	got = get[protocol.ConversationDetails](t, url, room, "bob")
	want = protocol.ConversationDetails{ID: id, Kind: "group", Joined: 1, Left: left.Seq, Head: left.Seq, Preferences: plain}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("of who has left, -want +got:\n%s", diff)
	}
	if got := get[protocol.ConversationDetails](t, url, room, "carol"); got.Title != "another" || got.Members != 2 || got.Role != "member" || got.Head != left.Seq+1 {
		t.Errorf("of who stays: %+v", got)
	}

	a := call(t, url, ask{method: http.MethodPost, path: "/v1/conversations", token: "alice", body: `{"kind":"direct","user":"bob"}`})
	direct := into[protocol.Conversation](t, a, http.StatusCreated)
	if got := get[protocol.ConversationDetails](t, url, "/v1/conversations/"+direct.ID, "bob"); got.Peer != "alice" || got.Members != 2 || got.Role != "member" {
		t.Errorf("a direct one: %+v", got)
	}
}

func TestWhoMayChangeAGroup(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "bob", "carol")
	do(t, url, http.MethodPatch, room+"/members/bob", "alice", `{"role":"admin"}`)
	a := call(t, url, ask{method: http.MethodPost, path: "/v1/conversations", token: "alice", body: `{"kind":"direct","user":"bob"}`})
	direct := "/v1/conversations/" + into[protocol.Conversation](t, a, http.StatusCreated).ID
	do(t, url, http.MethodPost, room+"/leave", "carol", "")
	do(t, url, http.MethodPost, room+"/members", "bob", `{"users":["carol","dave","dave"]}`)

	cases := map[string]struct {
		reason              string
		method, path, token string
		body                string
		code                protocol.Code
	}{
		"MemberRenames":       {"admins do", http.MethodPatch, room, "carol", `{"title":"x"}`, protocol.CodeForbidden},
		"MemberAdds":          {"admins do", http.MethodPost, room + "/members", "carol", `{"users":["erin"]}`, protocol.CodeForbidden},
		"MemberRemoves":       {"admins do", http.MethodDelete, room + "/members/dave", "carol", "", protocol.CodeForbidden},
		"MemberPromotes":      {"owners do", http.MethodPatch, room + "/members/carol", "carol", `{"role":"owner"}`, protocol.CodeForbidden},
		"AdminPromotes":       {"owners do", http.MethodPatch, room + "/members/bob", "bob", `{"role":"owner"}`, protocol.CodeForbidden},
		"AdminAddsAdmins":     {"owners do", http.MethodPost, room + "/members", "bob", `{"users":["erin"],"role":"admin"}`, protocol.CodeForbidden},
		"AdminRemovesOwner":   {"nobody removes who made it", http.MethodDelete, room + "/members/alice", "bob", "", protocol.CodeForbidden},
		"StrangerAdds":        {"it is not theirs", http.MethodPost, room + "/members", "eve", `{"users":["eve"]}`, protocol.CodeNotMember},
		"RoleOfNobody":        {"no such member", http.MethodPatch, room + "/members/erin", "alice", `{"role":"admin"}`, protocol.CodeNotFound},
		"NoSuchRole":          {"roles are known", http.MethodPatch, room + "/members/bob", "alice", `{"role":"king"}`, protocol.CodeInvalid},
		"AddsNobody":          {"somebody must come", http.MethodPost, room + "/members", "alice", `{"users":[]}`, protocol.CodeInvalid},
		"AddsWithBadRole":     {"roles are known", http.MethodPost, room + "/members", "alice", `{"users":["erin"],"role":"king"}`, protocol.CodeInvalid},
		"AddsNoUser":          {"ids are checked", http.MethodPost, room + "/members", "alice", `{"users":[""]}`, protocol.CodeInvalid},
		"AddsTooMany":         {"an entry names so many", http.MethodPost, room + "/members", "alice", `{"users":[` + list(41) + `]}`, protocol.CodeInvalid},
		"EmptyTitle":          {"a group is called something", http.MethodPatch, room, "alice", `{"title":""}`, protocol.CodeInvalid},
		"DirectIsRenamed":     {"it has no title", http.MethodPatch, direct, "alice", `{"title":"x"}`, protocol.CodeInvalid},
		"DirectGrows":         {"it takes two", http.MethodPost, direct + "/members", "alice", `{"users":["carol"]}`, protocol.CodeInvalid},
		"RemovedIsNoPossible": {"no id", http.MethodDelete, room + "/members/%00", "alice", "", protocol.CodeNotFound},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, call(t, url, ask{method: tc.method, path: tc.path, token: tc.token, body: tc.body}), tc.code, tc.reason)
		})
	}

	do(t, url, http.MethodPatch, room, "bob", `{"title":"of the admin"}`)
	do(t, url, http.MethodDelete, room+"/members/dave", "bob", "")
	do(t, url, http.MethodDelete, room+"/members/bob", "alice", "")
	wantProblem(t, call(t, url, ask{method: http.MethodPatch, path: room, token: "bob", body: `{"title":"x"}`}), protocol.CodeNotMember, "who was removed")
	if got := get[protocol.MembersPage](t, url, room+"/members", "carol"); len(got.Members) != 2 {
		t.Errorf("in the end there are %+v", got.Members)
	}
}

func list(n int) string {
	out := ""
	for i := range n {
		if i > 0 {
			out += ","
		}
		out += fmt.Sprintf("%q", fmt.Sprintf("u%02d", i))
	}
	return out
}

func TestMembersPageByUser(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "dave", "bob", "carol")
	do(t, url, http.MethodDelete, room+"/members/carol", "alice", "")
	var got []string
	pages := 0
	for next := "?limit=2"; next != ""; pages++ {
		page := get[protocol.MembersPage](t, url, room+"/members"+next, "bob")
		for _, m := range page.Members {
			got = append(got, m.User+" "+m.Role)
		}
		if next = ""; page.Next != "" {
			next = "?limit=2&cursor=" + page.Next
		}
	}
	if diff := cmp.Diff([]string{"alice owner", "bob member", "dave member"}, got); diff != "" || pages != 2 {
		t.Errorf("%d pages, -want +got:\n%s", pages, diff)
	}
	wantProblem(t, call(t, url, ask{method: http.MethodGet, path: room + "/members", token: "carol"}), protocol.CodeNotMember, "who was removed sees nobody")
	wantProblem(t, call(t, url, ask{method: http.MethodGet, path: room + "/members?cursor=%21", token: "bob"}), protocol.CodeInvalid, "no cursor")
}

func TestWhoComesLateSeesWhatComesAfter(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "bob")
	into[protocol.Appended](t, call(t, url, ask{method: http.MethodPost, path: room + "/messages", token: "bob", body: `{"body":"before"}`}), http.StatusCreated)
	joined := do(t, url, http.MethodPost, room+"/members", "alice", `{"users":["carol"]}`)
	into[protocol.Appended](t, call(t, url, ask{method: http.MethodPost, path: room + "/messages", token: "bob", body: `{"body":"after"}`}), http.StatusCreated)
	page := get[protocol.HistoryPage](t, url, room+"/messages?after=0", "carol")
	if diff := cmp.Diff(gatewaytest.Range(joined.Seq, joined.Seq+1), gatewaytest.Seqs(page.Entries)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantProblem(t, call(t, url, ask{method: http.MethodPut, path: fmt.Sprintf("%s/messages/%d/reactions/%%F0%%9F%%91%%8D", room, joined.Seq-1), token: "carol"}),
		protocol.CodeNotFound, "a message from before")
	wantProblem(t, call(t, url, ask{method: http.MethodGet, path: fmt.Sprintf("%s/messages/%d/receipts", room, joined.Seq-1), token: "carol"}),
		protocol.CodeNotFound, "a message from before")
}

func TestPreferencesAreTheUsersOwn(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "bob")
	patch := func(body string) protocol.ConversationPreferences {
		return into[protocol.ConversationPreferences](t, call(t, url, ask{method: http.MethodPatch, path: room + "/preferences", token: "alice", body: body}), http.StatusOK)
	}
	of := func(muted int64, archived, pinned bool) protocol.ConversationPreferences {
		return protocol.ConversationPreferences{MutedUntilMS: &muted, Archived: &archived, Pinned: &pinned}
	}
	if diff := cmp.Diff(of(0, false, true), patch(`{"pinned":true}`)); diff != "" {
		t.Errorf("pinned, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(of(4102444800000, true, true), patch(`{"muted_until_ms":4102444800000,"archived":true}`)); diff != "" {
		t.Errorf("muted and archived too, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(of(0, true, true), patch(`{"muted_until_ms":0}`)); diff != "" {
		t.Errorf("unmuted, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(of(0, true, true), get[protocol.ConversationDetails](t, url, room, "alice").Preferences); diff != "" {
		t.Errorf("with the conversation, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(of(0, false, false), get[protocol.ConversationDetails](t, url, room, "bob").Preferences); diff != "" {
		t.Errorf("another's, -want +got:\n%s", diff)
	}
	for _, body := range []string{`{"muted_until_ms":-1}`, `{"muted_until_ms":9223372036854775807}`} {
		wantProblem(t, call(t, url, ask{method: http.MethodPatch, path: room + "/preferences", token: "alice", body: body}), protocol.CodeInvalid, "no time")
	}
}
