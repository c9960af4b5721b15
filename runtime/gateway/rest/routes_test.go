package rest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/httpapi/openapitest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// bodies are good ones, of the operations that take one.
var bodies = map[string]string{
	"POST /v1/conversations":                      `{"kind":"group","title":"team","members":["bob"]}`,
	"PATCH /v1/conversations/{id}":                `{"title":"team"}`,
	"PATCH /v1/conversations/{id}/preferences":    `{"pinned":true}`,
	"POST /v1/conversations/{id}/members":         `{"users":["bob"]}`,
	"PATCH /v1/conversations/{id}/members/{user}": `{"role":"admin"}`,
	"POST /v1/conversations/{id}/messages":        `{"body":"hello"}`,
	"PATCH /v1/conversations/{id}/messages/{seq}": `{"body":"hello"}`,
	"POST /v1/conversations/{id}/read":            `{"seq":1}`,
	"POST /v1/conversations/{id}/delivered":       `{"seq":1,"device":"phone"}`,
	"PUT /v1/devices/{device}":                    `{"platform":"ios"}`,
}

// good is a request of the operation that is all right.
func good(r rest.Route, token string) ask {
	path := strings.NewReplacer("{id}", "room", "{user}", "bob", "{seq}", "2", "{emoji}", "%F0%9F%91%8D", "{device}", "phone").Replace(r.Path)
	if r.Path == "/v1/presence" {
		path += "?user=bob"
	}
	return ask{method: r.Method, path: path, token: token, body: bodies[operation(r.Method, r.Path)]}
}

// routes are all but the socket's.
func routes() []rest.Route {
	return slices.DeleteFunc(rest.New(rest.Options{}).Routes(), func(r rest.Route) bool { return r.Path == "/v1/ws" })
}

// takesNothing are the operations without a body in whose requests nothing can be wrong but a token in the URL.
var takesNothing = map[string]bool{
	"GET /v1/conversations/{id}": true, "GET /v1/devices": true, "GET /v1/sessions": true, "POST /v1/sign-out-all": true,
}

func has(d *openapitest.Document, r rest.Route, status string) bool {
	return slices.Contains(d.Operations()[operation(r.Method, r.Path)], status)
}

func TestEveryRouteRefusesTheSameWay(t *testing.T) {
	w := gatewaytest.New(t)
	pod := w.Pod("c1")
	const page = "https://chat.example"
	g := w.Gateway("g1", func(o *gateway.Options) { o.AllowedOrigins = []string{page} })
	slow := w.Gateway("g2", func(o *gateway.Options) { o.RESTLimits = rest.Limits{RequestRate: 1e-9, RequestBurst: 1} })
	w.Create("room", "alice")
	d := theDocument(t)
	call(t, slow.URL, ask{method: http.MethodGet, path: "/v1/inbox", token: "alice"})

	for _, r := range routes() {
		t.Run(operation(r.Method, r.Path), func(t *testing.T) {
			q := good(r, "")
			wantProblem(t, call(t, g.URL, q), protocol.CodeUnauthenticated, "nobody asks")
			q.token = "later"
			wantProblem(t, call(t, g.URL, q), protocol.CodeUnavailable, "the keys are not there")
			q.token = "panic"
			wantProblem(t, call(t, g.URL, q), protocol.CodeInternal, "a fault")
			q.token = "alice"
			wantProblem(t, call(t, slow.URL, q), protocol.CodeRateLimited, "the burst is used")
			q.head = http.Header{"Accept": {"text/html"}}
			wantProblem(t, call(t, g.URL, q), protocol.CodeNotAcceptable, "there is only JSON")
			q.head = http.Header{"Origin": {"https://evil.example"}}
			wantProblem(t, call(t, g.URL, q), protocol.CodeForbidden, "another site's page")
			q.head = nil
			leak := q
			leak.path += "?token=alice"
			if strings.Contains(q.path, "?") {
				leak.path = q.path + "&token=alice"
			}
			wantProblem(t, call(t, g.URL, leak), protocol.CodeInvalid, "a token in a URL")

			if q.body != "" {
				bad := q
				bad.body = "["
				wantProblem(t, call(t, g.URL, bad), protocol.CodeBadFrame, "no JSON")
				bad.body = `{"seq":"x","kind":7,"title":7,"pinned":7,"users":7,"role":7,"body":7,"platform":7}`
				wantProblem(t, call(t, g.URL, bad), protocol.CodeBadFrame, "fields of another type")
				bad.body = `{"x":"` + strings.Repeat("x", 2<<20) + `"}`
				wantProblem(t, call(t, g.URL, bad), protocol.CodeTooLarge, "memory is bounded")
				bad.head = http.Header{"Content-Type": {"text/plain"}}
				wantProblem(t, call(t, g.URL, bad), protocol.CodeUnsupportedMedia, "what a page may send without asking")
			} else if !takesNothing[operation(r.Method, r.Path)] {
				bad := q
				switch {
				case strings.Contains(r.Path, "{device}"):
					bad.path += strings.Repeat("x", 128)
				case r.Path == "/v1/presence":
					bad.path = r.Path
				case r.Method == http.MethodGet:
					bad.path += "?limit=0"
				default:
					bad.head = http.Header{"Idempotency-Key": {strings.Repeat("x", 65)}}
				}
				wantProblem(t, call(t, g.URL, bad), protocol.CodeInvalid, "a rule is broken")
			}
			if has(d, r, "404") && strings.Contains(r.Path, "{id}") {
				foreign := q
				foreign.token = "nobody"
				wantProblem(t, call(t, g.URL, foreign), protocol.CodeNotMember, "it is not theirs")
			}
			if has(d, r, "409") && strings.Contains(r.Path, "{id}") {
				for _, code := range []protocol.Code{protocol.CodeRetryTooOld, protocol.CodeKeyReused} {
					pod.Before(func(*chatpb.Send) *chatpb.Result { return &chatpb.Result{Code: string(code)} })
					wantProblem(t, call(t, g.URL, q), code, "the lane says so")
				}
				pod.Before(func(*chatpb.Send) *chatpb.Result {
					return &chatpb.Result{Code: string(protocol.CodeBusy), RetryAfterMs: 1500}
				})
				a := call(t, g.URL, q)
				p := wantProblem(t, a, protocol.CodeBusy, "the lane says so")
				if p.RetryAfterMS != 1500 || a.Header.Get("Retry-After") != "2" {
					t.Errorf("when may it come again? %+v, Retry-After %s", p, a.Header.Get("Retry-After"))
				}
				pod.Before(nil)
			}
		})
	}
}

func TestASocketsHandshakeIsDescribedToo(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	upgrade := func(token string) ask {
		return ask{method: http.MethodGet, path: "/v1/ws", token: token, head: http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
			"Sec-Websocket-Protocol": {protocol.Subprotocol},
		}}
	}
	if a := call(t, g.URL, upgrade("")); a.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("status %d: %s", a.StatusCode, a.body)
	}
	wantProblem(t, call(t, g.URL, ask{method: http.MethodGet, path: "/v1/ws"}), protocol.CodeInvalid, "no handshake")
	wantProblem(t, call(t, g.URL, upgrade("bad")), protocol.CodeUnauthenticated, "who?")
	wantProblem(t, call(t, g.URL, upgrade("later")), protocol.CodeUnavailable, "the keys are not there")
	wantProblem(t, call(t, g.URL, upgrade("panic")), protocol.CodeInternal, "a fault")
	foreign := upgrade("")
	foreign.head.Set("Origin", "https://evil.example")
	wantProblem(t, call(t, g.URL, foreign), protocol.CodeForbidden, "another site's page")
}
