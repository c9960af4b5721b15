package admin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// bodies are good ones, of the operations that take one.
var bodies = map[string]string{
	"PUT /admin/v1/users/{user}/mute":                          `{"for_seconds":60}`,
	"POST /admin/v1/conversations/{id}/messages/{seq}/verdict": `{"action":"flag"}`,
	"PUT /admin/v1/holds/{name}":                               `{"reason":"Smith v. Jones","user":"bob"}`,
}

func example(r httpapi.Route, token string) ask {
	path := strings.NewReplacer("{user}", "bob", "{device}", "phone", "{id}", "room", "{seq}", "42", "{name}", "case").Replace(r.Path)
	return ask{method: r.Method, path: strings.TrimPrefix(path, "/admin/v1"), token: token, body: bodies[r.Method+" "+r.Path]}
}

// scopes is who may: written down once more, so that nobody widens it by accident.
var scopes = map[string][]string{
	"users": {mia, ada}, "conversations": {mia, ada}, "reviews": {mia}, "holds": {ada}, "settings": {ada}, "stats": {mia, ada, leo}, "audit": {leo},
	"POST users/{user}/revoke": {ada}, "POST users/{user}/devices/{device}/revoke": {ada}, "POST users/{user}/erasure": {ada},
	"GET users/{user}/erasure": {ada}, "GET users/{user}/export": {ada}, "POST conversations/{id}/messages/{seq}/verdict": {mia},
}

func mayCall(r httpapi.Route) []string {
	path := strings.TrimPrefix(r.Path, "/admin/v1/")
	if who, ok := scopes[r.Method+" "+path]; ok {
		return who
	}
	resource, _, _ := strings.Cut(path, "/")
	return scopes[resource]
}

func TestEveryRouteRefusesTheSameWay(t *testing.T) {
	slow := newWorld(t, func(o *admin.Options) { o.Limits = admin.Limits{RequestRate: 1e-9, RequestBurst: 1} })
	slow.call(ask{method: http.MethodGet, path: "/settings", token: all})
	for _, r := range admin.Routes() {
		t.Run(r.Method+r.Path, func(t *testing.T) {
			w := newWorld(t)
			w.queue, w.holds = nil, []admin.Hold{{Name: "case", User: "bob", Reason: "x", By: "ada", AtMS: 1}}
			for _, tc := range []struct {
				reason, token string
				code          protocol.Code
			}{
				{"nobody asks", "", protocol.CodeUnauthenticated},
				{"nobody signed it", "bad", protocol.CodeUnauthenticated},
				{"the keys are not there", "later", protocol.CodeUnavailable},
				{"the tenant is not served", "suspended", protocol.CodeSuspended},
				{"a fault", "panic", protocol.CodeInternal},
				{"somebody who chats", plain, protocol.CodeForbidden},
			} {
				w.refused(w.call(example(r, tc.token)), tc.code, tc.reason)
			}
			if said := w.topic.said(); len(said) != 1 || !strings.Contains(said[0], "by:bob") || !strings.Contains(said[0], "outcome=forbidden") {
				t.Errorf("who is known and may not is audited, and nobody else: %q", said)
			}
			for _, token := range []string{mia, ada, leo} {
				a := w.call(example(r, token))
				if slices.Contains(mayCall(r), token) != (a.StatusCode < 300) {
					t.Errorf("%s: status %d: %s", token, a.StatusCode, a.body)
				}
			}
			w.done()
			foreign := example(r, all)
			foreign.path += "?tenant=globex"
			w.refused(w.call(foreign), protocol.CodeNotFound, "another tenant's")
			foreign.path = strings.Replace(foreign.path, "globex", "nobody", 1)
			w.refused(w.call(foreign), protocol.CodeNotFound, "nor can they tell whether there is one")
			w.refused(w.call(example(r, ops)), protocol.CodeInvalid, "an operator says whose")
			page := example(r, all)
			page.head = http.Header{"Origin": {"https://evil.example"}}
			w.refused(w.call(page), protocol.CodeForbidden, "another site's page")
			leak := example(r, all)
			leak.path += "?access_token=x"
			w.refused(w.call(leak), protocol.CodeInvalid, "a token in a URL")
			image := example(r, all)
			image.head = http.Header{"Accept": {"image/png"}}
			w.refused(w.call(image), protocol.CodeNotAcceptable, "there is none")
			slow.t = t
			limited := slow.call(example(r, all))
			slow.refused(limited, protocol.CodeRateLimited, "the burst is used")
			if body := bodies[r.Method+" "+r.Path]; body != "" {
				for _, bad := range []struct {
					reason, body, kind string
					code               protocol.Code
				}{
					{"no JSON", "{", "", protocol.CodeBadFrame},
					{"another type", "[]", "", protocol.CodeBadFrame},
					{"memory is bounded", `{"x":"` + strings.Repeat("x", 1<<17) + `"}`, "", protocol.CodeTooLarge},
					{"what a page may send without asking", body, "text/plain", protocol.CodeUnsupportedMedia},
					{"a rule is broken", `{}`, "", protocol.CodeInvalid},
				} {
					q := example(r, all)
					q.body = bad.body
					if bad.kind != "" {
						q.head = http.Header{"Content-Type": {bad.kind}}
					}
					w.refused(w.call(q), bad.code, bad.reason)
				}
			}
			w.revoked = func(auth.Principal) error { return auth.ErrRevoked }
			w.refused(w.call(example(r, all)), protocol.CodeUnauthenticated, "it was taken back")
			w.revoked = nil
			if did := w.done(); len(did) > 0 {
				t.Errorf("refused, and yet: %q", did)
			}
		})
	}
}

// What cannot be audited is not done, and not shown.
func TestEveryRouteIsAuditedOrRefused(t *testing.T) {
	for _, r := range admin.Routes() {
		t.Run(r.Method+r.Path, func(t *testing.T) {
			w := newWorld(t)
			w.holds = []admin.Hold{{Name: "case", User: "bob", Reason: "x", By: "ada", AtMS: 1}}
			w.topic.refuse = func(eventlog.AuditRecord) bool { return true }
			a := w.call(example(r, all))
			w.refused(a, protocol.CodeUnavailable, "it cannot be audited")
			if did := w.done(); len(did) > 0 {
				t.Errorf("nobody has a record of it, and yet: %q", did)
			}
			if a.Header.Get("Retry-After") == "" {
				t.Error("it may be asked for again")
			}
			w.topic.refuse = nil
			if a := w.call(example(r, all)); a.StatusCode >= 300 {
				t.Fatalf("status %d: %s", a.StatusCode, a.body)
			}
			said := w.topic.said()
			last := said[len(said)-1]
			if !strings.Contains(last, "outcome=done") || !strings.Contains(last, "by:all") || !strings.Contains(last, "operation=") {
				t.Errorf("%q", last)
			}
			if did := w.done(); len(did) > 0 != (len(said) == 2) {
				t.Errorf("%q is on record for %q: a change is before it is made, too", said, did)
			}
		})
	}
}

// A change whose end cannot be put on record is told as it ended: that it was asked for is on record.
func TestAChangeIsOnRecordBeforeItIsMade(t *testing.T) {
	w := newWorld(t)
	w.topic.refuse = func(r eventlog.AuditRecord) bool { return r.Details["outcome"] != "asked" }
	a := w.call(ask{method: http.MethodPost, path: "/users/bob/revoke", token: ada})
	if a.StatusCode != http.StatusNoContent {
		t.Errorf("status %d: %s", a.StatusCode, a.body)
	}
	if said := w.topic.said(); len(said) != 1 || said[0] != "acme by:ada about:bob operation=users.revoke outcome=asked" {
		t.Errorf("%q", said)
	}
}
