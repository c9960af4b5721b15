package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// call makes a request and returns status and body.
func call(t *testing.T, url, method, path, token, body string, head http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, strings.Replace(url, "ws://", "http://", 1)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if head != nil {
		req.Header = head
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(data)
}

func TestProblems(t *testing.T) {
	w := gatewaytest.New(t)
	w.Inbox = func(_ context.Context, _ store.User, _ int, cursor string) (protocol.InboxPage, error) {
		switch cursor {
		case "broken":
			return protocol.InboxPage{}, gatewaytest.ErrBroken
		case "panic":
			panic("a fault")
		default:
			return protocol.InboxPage{}, fmt.Errorf("%w: %s", gateway.ErrBadCursor, cursor)
		}
	}
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	const post, conversations = http.MethodPost, "/v1/conversations"
	cases := map[string]struct {
		reason             string
		method, path, body string
		token              string
		code               protocol.Code
	}{
		"NoToken":         {"who?", http.MethodGet, "/v1/inbox", "", "", protocol.CodeUnauthenticated},
		"BadToken":        {"who?", http.MethodGet, "/v1/inbox", "", "bad", protocol.CodeUnauthenticated},
		"ExpiredToken":    {"a new one helps", http.MethodGet, "/v1/inbox", "", "expired", protocol.CodeTokenExpired},
		"NoKeys":          {"later it may be good", http.MethodGet, "/v1/inbox", "", "later", protocol.CodeUnavailable},
		"NoSuchPath":      {"absent", http.MethodGet, "/v1/nothing", "", "alice", protocol.CodeNotFound},
		"BadCursor":       {"the client's own fault", http.MethodGet, "/v1/inbox?cursor=x", "", "alice", protocol.CodeInvalid},
		"BrokenInbox":     {"ours, and it may pass", http.MethodGet, "/v1/inbox?cursor=broken", "", "alice", protocol.CodeUnavailable},
		"Fault":           {"ours, and nobody else notices", http.MethodGet, "/v1/inbox?cursor=panic", "", "alice", protocol.CodeInternal},
		"LimitTooHigh":    {"pages are bounded", http.MethodGet, "/v1/inbox?limit=1000", "", "alice", protocol.CodeInvalid},
		"LimitNoNumber":   {"pages are bounded", http.MethodGet, "/v1/inbox?limit=x", "", "alice", protocol.CodeInvalid},
		"ForeignHistory":  {"absence looks like non-membership", http.MethodGet, "/v1/conversations/room/messages", "", "bob", protocol.CodeNotMember},
		"NoHistory":       {"absence looks like non-membership", http.MethodGet, "/v1/conversations/nowhere/messages", "", "bob", protocol.CodeNotMember},
		"AfterAndBefore":  {"a page has one direction", http.MethodGet, "/v1/conversations/room/messages?after=1&before=3", "", "alice", protocol.CodeInvalid},
		"AfterNoSeq":      {"seqs are numbers", http.MethodGet, "/v1/conversations/room/messages?after=-1", "", "alice", protocol.CodeInvalid},
		"NoBody":          {"the body is JSON", post, conversations, "", "alice", protocol.CodeBadFrame},
		"TwoBodies":       {"the body is one value", post, conversations, "{}{}", "alice", protocol.CodeBadFrame},
		"NoKind":          {"direct or group", post, conversations, `{}`, "alice", protocol.CodeInvalid},
		"DirectWithNone":  {"it takes two", post, conversations, `{"kind":"direct"}`, "alice", protocol.CodeInvalid},
		"DirectWithSelf":  {"it takes two", post, conversations, `{"kind":"direct","user":"alice"}`, "alice", protocol.CodeInvalid},
		"DirectWithTitle": {"that is a group", post, conversations, `{"kind":"direct","user":"bob","title":"x"}`, "alice", protocol.CodeInvalid},
		"LongTitle":       {"titles are bounded", post, conversations, `{"kind":"group","title":"` + strings.Repeat("x", 257) + `"}`, "alice", protocol.CodeInvalid},
		"BadMember":       {"ids are checked", post, conversations, `{"kind":"group","members":[""]}`, "alice", protocol.CodeInvalid},
		"HugeBody":        {"memory is bounded", post, conversations, `{"title":"` + strings.Repeat("x", 2<<20) + `"}`, "alice", protocol.CodeTooLarge},
		"NoPlatform":      {"pushes go by it", http.MethodPut, "/v1/devices/phone", `{}`, "alice", protocol.CodeInvalid},
		"NoSuchChannel":   {"pushes go by it", http.MethodPut, "/v1/devices/phone", `{"platform":"ios","push_channel":"PIGEON","push_token":"x"}`, "alice", protocol.CodeInvalid},
		"ChannelAlone":    {"nowhere to push to", http.MethodPut, "/v1/devices/phone", `{"platform":"ios","push_channel":"APNS"}`, "alice", protocol.CodeInvalid},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			res, body := call(t, g.URL, tc.method, tc.path, tc.token, tc.body, nil)
			var got protocol.Problem
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%s: %s: %v", tc.reason, body, err)
			}
			if got.Code != tc.code || res.StatusCode != tc.code.Status() || got.Status != res.StatusCode {
				t.Errorf("%s: status %d, %+v: want code %s", tc.reason, res.StatusCode, got, tc.code)
			}
			if ct := res.Header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("content type = %q", ct)
			}
		})
	}
}

func TestADirectConversationIsOnePerPair(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	create := func(by, with string) (int, protocol.Conversation) {
		res, body := call(t, g.URL, http.MethodPost, "/v1/conversations", by, `{"kind":"direct","user":"`+with+`"}`, nil)
		var c protocol.Conversation
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return res.StatusCode, c
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
		res, body := call(t, g.URL, http.MethodPost, "/v1/conversations", "alice", `{"kind":"group","title":"`+title+`","members":["bob","bob","alice"]}`,
			http.Header{"Idempotency-Key": {key}})
		var c protocol.Conversation
		_ = json.Unmarshal([]byte(body), &c)
		return res.StatusCode, c
	}
	_, one := create("k1", "team")
	if _, again := create("k1", "team"); again.ID != one.ID || again.Created {
		t.Errorf("the same key gave %+v after %+v", again, one)
	}
	if _, other := create("k2", "team"); other.ID == one.ID {
		t.Error("two keys share a group")
	}
	if status, _ := create("k1", "another"); status != http.StatusConflict {
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

func TestHistoryPages(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice")
	w.Say(v, "alice", bodies(9)...)
	cases := map[string]struct {
		query string
		want  []uint64
		more  bool
	}{
		"Newest": {"limit=3", gatewaytest.Range(8, 10), true},
		"Before": {"before=8&limit=3", gatewaytest.Range(5, 7), true},
		"After":  {"after=8&limit=3", gatewaytest.Range(9, 10), false},
		"Start":  {"before=3", gatewaytest.Range(1, 2), false},
		"Beyond": {"after=100", []uint64{}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, body := call(t, g.URL, http.MethodGet, "/v1/conversations/room/messages?"+tc.query, "alice", "", nil)
			var page protocol.HistoryPage
			if err := json.Unmarshal([]byte(body), &page); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if diff := cmp.Diff(tc.want, gatewaytest.Seqs(page.Entries)); diff != "" || page.More != tc.more {
				t.Errorf("more = %t, -want +got:\n%s", page.More, diff)
			}
		})
	}
}

func TestADevicesPushTokenIsKeptAndNotShown(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	const secret = "token-of-the-phone"
	res, body := call(t, g.URL, http.MethodPut, "/v1/devices/phone", "alice", `{"platform":"ios","push_channel":"APNS","push_token":"`+secret+`"}`, nil)
	if res.StatusCode != http.StatusOK || strings.Contains(body, secret) {
		t.Errorf("status %d, body %s", res.StatusCode, body)
	}
	// Connecting changes nothing of it.
	w.Hello(g.URL, "alice", "phone")
	devices, err := w.Store.Devices(t.Context(), w.User("alice"))
	if err != nil || len(devices) != 1 || devices[0].PushToken != secret || devices[0].PushChannel != "APNS" {
		t.Errorf("devices = %+v, %v", devices, err)
	}
}
