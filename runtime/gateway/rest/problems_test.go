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

func TestProblems(t *testing.T) {
	w := gatewaytest.New(t)
	w.Inbox = func(_ context.Context, _ store.User, q rest.InboxQuery) (protocol.InboxPage, error) {
		switch q.Cursor {
		case "broken":
			return protocol.InboxPage{}, gatewaytest.ErrBroken
		case "panic":
			panic("a fault")
		default:
			return protocol.InboxPage{}, fmt.Errorf("%w: %s", rest.ErrBadCursor, q.Cursor)
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
		"BodyIsNull":      {"the body is an object", post, conversations, "null", "alice", protocol.CodeBadFrame},
		"BodyIsAList":     {"the body is an object", post, conversations, "[]", "alice", protocol.CodeBadFrame},
		"BodyIsNotUTF8":   {"ids and titles are UTF-8", post, conversations, "{\"kind\":\"\xff\"}", "alice", protocol.CodeBadFrame},
		"BodyIsDeep":      {"a stack is bounded", post, conversations, strings.Repeat(`{"a":`, 20_000), "alice", protocol.CodeBadFrame},
		"NoSuchMethod":    {"the path has others", http.MethodDelete, "/v1/inbox", "", "alice", protocol.CodeMethodNotAllowed},
		"TraceOfASocket":  {"a socket is only opened", http.MethodTrace, "/v1/ws", "", "alice", protocol.CodeMethodNotAllowed},
		"UncleanPath":     {"no redirect: it is no path", http.MethodGet, "/v1//inbox", "", "alice", protocol.CodeNotFound},
		"SlashAtTheEnd":   {"no redirect: it is no path", http.MethodGet, "/v1/inbox/", "", "alice", protocol.CodeNotFound},
		"Root":            {"nothing is there", http.MethodGet, "/", "", "", protocol.CodeNotFound},
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
			wantProblem(t, call(t, g.URL, ask{method: tc.method, path: tc.path, token: tc.token, body: tc.body}), tc.code, tc.reason)
		})
	}
}

func TestMediaTypes(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	const body = `{"kind":"direct","user":"bob"}`
	cases := map[string]struct {
		reason string
		head   http.Header
		code   protocol.Code // empty: taken
	}{
		"JSON":            {"what it is", http.Header{"Content-Type": {"application/json"}}, ""},
		"JSONInUTF8":      {"which it always is", http.Header{"Content-Type": {"Application/JSON; charset=UTF-8"}}, ""},
		"Form":            {"what a page may send anywhere without asking", http.Header{"Content-Type": {"text/plain"}}, protocol.CodeUnsupportedMedia},
		"NoType":          {"nothing is guessed", http.Header{"Content-Type": {""}}, protocol.CodeUnsupportedMedia},
		"Latin1":          {"another charset would be misread", http.Header{"Content-Type": {"application/json; charset=latin1"}}, protocol.CodeUnsupportedMedia},
		"Compressed":      {"a bomb is small", http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, protocol.CodeUnsupportedMedia},
		"AnyAnswer":       {"what most send", http.Header{"Accept": {"*/*"}}, ""},
		"AnswerAmongMany": {"what browsers send", http.Header{"Accept": {"text/html, application/*;q=0.8"}}, ""},
		"HTML":            {"there is none", http.Header{"Accept": {"text/html"}}, protocol.CodeNotAcceptable},
		"NotJSON":         {"a weight of 0 is no", http.Header{"Accept": {"application/json;q=0, text/html"}}, protocol.CodeNotAcceptable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := call(t, g.URL, ask{method: http.MethodPost, path: "/v1/conversations", token: "alice", body: body, head: tc.head})
			if tc.code != "" {
				wantProblem(t, a, tc.code, tc.reason)
			} else if a.StatusCode >= 300 {
				t.Errorf("%s: status %d: %s", tc.reason, a.StatusCode, a.body)
			}
		})
	}
}

func TestAMethodThatAPathDoesNotHaveIsToldWhichItHas(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	a := call(t, g.URL, ask{method: http.MethodPut, path: "/v1/inbox", token: "alice", body: "{}"})
	wantProblem(t, a, protocol.CodeMethodNotAllowed, "not a method of it")
	if got := a.Header.Get("Allow"); got != "GET, HEAD, OPTIONS" {
		t.Errorf("Allow = %q", got)
	}
}

func TestHeadIsGetWithoutTheBody(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	full := call(t, g.URL, ask{method: http.MethodGet, path: "/v1/inbox", token: "alice"})
	head := call(t, g.URL, ask{method: http.MethodHead, path: "/v1/inbox", token: "alice"})
	if head.StatusCode != http.StatusOK || head.body != "" || head.ContentLength != full.ContentLength || head.Header.Get("ETag") != full.Header.Get("ETag") {
		t.Errorf("HEAD: %d, %d bytes announced, %q; GET: %d bytes", head.StatusCode, head.ContentLength, head.body, full.ContentLength)
	}
	if a := call(t, g.URL, ask{method: http.MethodHead, path: "/v1/inbox"}); a.StatusCode != http.StatusUnauthorized || a.body != "" {
		t.Errorf("HEAD without a token: %d, %q", a.StatusCode, a.body)
	}
}

func TestARefusedTokenIsAskedForAgain(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	for token, want := range map[string]string{"": "Bearer", "bad": "Bearer", "expired": "Bearer", "later": ""} {
		a := call(t, g.URL, ask{method: http.MethodGet, path: "/v1/inbox", token: token})
		if got := a.Header.Get("WWW-Authenticate"); got != want || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("token %q: WWW-Authenticate = %q, want %q; Cache-Control = %q", token, got, want, a.Header.Get("Cache-Control"))
		}
		if retry := a.Header.Get("Retry-After"); (token == "later") != (retry != "") {
			t.Errorf("token %q: Retry-After = %q", token, retry)
		}
	}
}
