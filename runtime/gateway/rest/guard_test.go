package rest_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/telemetry"
)

func TestOrigins(t *testing.T) {
	w := gatewaytest.New(t)
	const page = "https://chat.example"
	g := w.Gateway("g1", func(o *gateway.Options) { o.AllowedOrigins = []string{page} })
	with := func(origin string, more http.Header) http.Header {
		head := http.Header{"Origin": {origin}}
		for k, v := range more {
			head[k] = v
		}
		return head
	}

	wantProblem(t, call(t, g.URL, ask{method: http.MethodGet, path: "/v1/inbox", token: "alice", head: with("https://evil.example", nil)}),
		protocol.CodeForbidden, "another site's page")
	wantProblem(t, call(t, g.URL, ask{method: http.MethodOptions, path: "/v1/inbox", head: with("https://evil.example", nil)}),
		protocol.CodeForbidden, "another site's page asks first")

	a := call(t, g.URL, ask{method: http.MethodGet, path: "/v1/inbox", token: "alice", head: with(page, nil)})
	if a.StatusCode != http.StatusOK || a.Header.Get("Access-Control-Allow-Origin") != page || a.Header.Get("Vary") != "Origin" {
		t.Errorf("status %d, head %v", a.StatusCode, a.Header)
	}
	for _, name := range []string{"ETag", "Idempotency-Key", "Retry-After", "X-Request-Id"} {
		if !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("a page cannot read %s", name)
		}
	}
	if a := call(t, g.URL, ask{method: http.MethodGet, path: "/v1/inbox", head: with(page, nil)}); a.Header.Get("Access-Control-Allow-Origin") != page {
		t.Error("a page cannot read its problems")
	}

	a = call(t, g.URL, ask{method: http.MethodOptions, path: "/v1/devices/phone", head: with(page, http.Header{
		"Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": {"authorization,content-type"},
	})})
	if a.StatusCode != http.StatusNoContent || !strings.Contains(a.Header.Get("Access-Control-Allow-Methods"), "PUT") {
		t.Errorf("preflight: status %d, head %v", a.StatusCode, a.Header)
	}
	for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"} {
		if !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), name) {
			t.Errorf("a page cannot send %s", name)
		}
	}
}

// What is refused for its URL is refused inside of what is around every answer.
func TestATokenInAURLIsAnsweredLikeAnythingElse(t *testing.T) {
	w := gatewaytest.New(t)
	const page = "https://chat.example"
	metrics := prometheus.NewRegistry()
	g := w.Gateway("g1", func(o *gateway.Options) { o.AllowedOrigins, o.Registerer = []string{page}, metrics })
	for _, tc := range []struct{ reason, method, path, route string }{
		{"an operation", http.MethodGet, "/v1/inbox?access_token=alice", "GET /v1/inbox"},
		{"the socket", http.MethodGet, "/v1/ws?Token=alice", "GET /v1/ws"},
		{"what does not exist", http.MethodGet, "/nowhere?authorization=alice", "other"},
		{"a path that is not clean", http.MethodGet, "/v1//inbox?token=alice", "other"},
	} {
		a := call(t, g.URL, ask{method: tc.method, path: tc.path, token: "alice", head: http.Header{"Origin": {page}, "X-Request-Id": {"req-1"}}})
		wantProblem(t, a, protocol.CodeInvalid, tc.reason)
		if a.Header.Get("X-Request-Id") != "req-1" || a.Header.Get("Access-Control-Allow-Origin") != page || a.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: head %v", tc.reason, a.Header)
		}
		if n := counted(t, metrics, tc.route, "400"); n == 0 {
			t.Errorf("%s: no request of %s is counted", tc.reason, tc.route)
		}
	}
	head := http.Header{"Origin": {page}, "Access-Control-Request-Method": {"GET"}}
	if a := call(t, g.URL, ask{method: http.MethodOptions, path: "/v1/inbox?token=alice", head: head}); a.StatusCode != http.StatusNoContent {
		t.Errorf("a page that asks first would never read why: status %d", a.StatusCode)
	}
	wantProblem(t, call(t, g.URL, ask{method: http.MethodGet, path: "/v1/inbox?token=alice", head: http.Header{"Origin": {"https://evil.example"}}}),
		protocol.CodeForbidden, "another site's page")
}

// counted is how many requests of the route had the status.
func counted(t *testing.T, metrics *prometheus.Registry, route, status string) float64 {
	t.Helper()
	all, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var n float64
	for _, f := range all {
		if f.GetName() != "chatcluster_gateway_http_requests_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["route"] == route && labels["status"] == status {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

func TestRequestIDs(t *testing.T) {
	w := gatewaytest.New(t)
	log := &lines{}
	w.Inbox = func(context.Context, store.User, rest.InboxQuery) (protocol.InboxPage, error) {
		return protocol.InboxPage{}, gatewaytest.ErrBroken
	}
	g := w.Gateway("g1", func(o *gateway.Options) { o.Logger = slog.New(telemetry.Logs(slog.NewTextHandler(log, nil))) })
	cases := map[string]struct {
		reason, given string
		kept          bool
	}{
		"Given":    {"the caller finds it again", "req-1_2.Z", true},
		"Made":     {"there always is one", "", false},
		"Too long": {"logs are bounded", strings.Repeat("x", 65), false},
		"Odd":      {"logs are lines", "a b", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := call(t, g.URL, ask{method: http.MethodGet, path: "/v1/inbox", token: "alice", head: http.Header{"X-Request-Id": {tc.given}}})
			got := a.Header.Get("X-Request-Id")
			if got == "" || (got == tc.given) != tc.kept {
				t.Errorf("%s: %q became %q", tc.reason, tc.given, got)
			}
			if !strings.Contains(log.String(), "request_id="+got) {
				t.Errorf("%s is not in the log", got)
			}
		})
	}
}

func TestAUserWhoAsksTooOftenWaits(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", func(o *gateway.Options) { o.RESTLimits = rest.Limits{RequestRate: 0.001, RequestBurst: 3} })
	ofAlice := ask{method: http.MethodGet, path: "/v1/inbox", token: "alice"}
	for range 3 {
		get[protocol.InboxPage](t, g.URL, "/v1/inbox", "alice")
	}
	a := call(t, g.URL, ofAlice)
	p := wantProblem(t, a, protocol.CodeRateLimited, "the burst is used")
	if p.RetryAfterMS == 0 || a.Header.Get("Retry-After") == "" || a.Header.Get("Retry-After") == "0" {
		t.Errorf("when may it come back? %+v, Retry-After %q", p, a.Header.Get("Retry-After"))
	}
	get[protocol.InboxPage](t, g.URL, "/v1/inbox", "bob")
}

func TestAnInboxThatIsKnownIsNotSentAgain(t *testing.T) {
	w := gatewaytest.New(t)
	var unread uint64
	w.Inbox = func(context.Context, store.User, rest.InboxQuery) (protocol.InboxPage, error) {
		return protocol.InboxPage{Items: []protocol.InboxItem{{Conversation: "room", Kind: "group", Unread: unread}}}, nil
	}
	g := w.Gateway("g1", nil)
	ifNone := func(tag string) answered {
		return call(t, g.URL, ask{method: http.MethodGet, path: "/v1/inbox", token: "alice", head: http.Header{"If-None-Match": {tag}}})
	}
	first := ifNone("")
	tag := first.Header.Get("ETag")
	if first.StatusCode != http.StatusOK || tag == "" {
		t.Fatalf("status %d, ETag %q", first.StatusCode, tag)
	}
	for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		a := ifNone(known)
		if a.StatusCode != http.StatusNotModified || a.body != "" || a.Header.Get("ETag") != tag || a.Header.Get("Vary") == "" {
			t.Errorf("If-None-Match: %s: status %d, %q, head %v", known, a.StatusCode, a.body, a.Header)
		}
	}
	if a := ifNone(`"other"`); a.StatusCode != http.StatusOK || cmp.Diff(first.body, a.body) != "" {
		t.Errorf("who knows another: status %d, %s", a.StatusCode, a.body)
	}
	unread = 1
	if a := ifNone(tag); a.StatusCode != http.StatusOK || a.Header.Get("ETag") == tag {
		t.Errorf("after a message: status %d, ETag %s", a.StatusCode, a.Header.Get("ETag"))
	}
}

// lines is a log.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
