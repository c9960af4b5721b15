package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var errBroken = errors.New("broken by the test")

// Tokens of tests: TENANT/USER:SCOPE+SCOPE.
const (
	mia    = "acme/mia:chat.moderate" // a moderator
	ada    = "acme/ada:chat.admin"    // an administrator
	leo    = "acme/leo:chat.audit"    // an auditor
	all    = "acme/all:chat.moderate+chat.admin+chat.audit"
	plain  = "acme/bob:" // somebody who chats
	global = "globex/gus:chat.moderate+chat.admin+chat.audit"
	ops    = "admin/olga:chat.moderate+chat.admin+chat.audit" // tends the platform
)

// tokens verifies them.
type tokens struct{}

func (tokens) Verify(_ context.Context, token string) (auth.Principal, error) {
	switch token {
	case "later":
		return auth.Principal{}, auth.ErrKeysUnavailable
	case "suspended":
		return auth.Principal{}, auth.ErrSuspended
	case "panic":
		panic("a fault of the test")
	}
	who, scopes, _ := strings.Cut(token, ":")
	tenant, user, named := strings.Cut(who, "/")
	u, err := store.NewUser(store.Tenant(tenant), user)
	if !named || err != nil {
		return auth.Principal{}, auth.ErrBadSignature
	}
	return auth.Principal{User: u, Expires: time.Now().Add(time.Hour), Scope: strings.ReplaceAll(scopes, "+", " ")}, nil
}

// topic takes audit records.
type topic struct {
	mu      sync.Mutex
	records []eventlog.AuditRecord
	// refuse says which are not taken.
	refuse func(eventlog.AuditRecord) bool
}

func (a *topic) Audit(_ context.Context, r eventlog.AuditRecord) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse != nil && a.refuse(r) {
		return errBroken
	}
	a.records = append(a.records, r)
	return nil
}

// said are the records in words.
func (a *topic) said() (out []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.records {
		words := []string{string(r.Tenant), "by:" + r.Actor, "about:" + r.Subject + r.Device}
		for _, k := range slices.Sorted(maps.Keys(r.Details)) {
			words = append(words, k+"="+r.Details[k])
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

// world is an admin role among fakes.
type world struct {
	t *testing.T
	*backend
	topic *topic
	url   string
}

// newWorld starts one; change may adjust the options.
func newWorld(t *testing.T, change ...func(*admin.Options)) *world {
	t.Helper()
	w := &world{t: t, backend: newBackend(), topic: &topic{}}
	b := w.backend
	o := admin.Options{
		Verifier: tokens{}, Revocations: b, Audit: w.topic, Store: b, Model: b, History: b, Chat: b, Tenants: b, AuditLog: b,
		Mutes: b, Stats: b, Erasures: b, Exports: b, Holds: b, AllowedOrigins: []string{"https://desk.example"},
		Limits: admin.Limits{RequestRate: 1e6, RequestBurst: 1 << 20},
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: prometheus.NewRegistry(), Tracer: noop.NewTracerProvider().Tracer(""),
	}
	for _, f := range change {
		f(&o)
	}
	a, err := admin.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.Handler())
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// ask is a request of a test.
type ask struct {
	method, path, token, body string
	head                      http.Header
}

// answered is what came back.
type answered struct {
	*http.Response
	body string
}

// call makes the request, and holds what is answered to the document.
func (w *world) call(q ask) answered {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), q.method, w.url+"/admin/v1"+q.path, strings.NewReader(q.body))
	if err != nil {
		w.t.Fatal(err)
	}
	if q.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range q.head {
		req.Header[k] = v
	}
	if q.token != "" {
		req.Header.Set("Authorization", "Bearer "+q.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	theDocument(w.t).Check(w.t, q.body, res, string(data))
	return answered{res, string(data)}
}

// get reads a good answer.
func get[T any](w *world, token, path string) T {
	w.t.Helper()
	return into[T](w, w.call(ask{method: http.MethodGet, path: path, token: token}), http.StatusOK)
}

// post changes something, and reads what is answered.
func post[T any](w *world, token, path, body string, status int) T {
	w.t.Helper()
	return into[T](w, w.call(ask{method: http.MethodPost, path: path, token: token, body: body}), status)
}

func into[T any](w *world, a answered, status int) T {
	w.t.Helper()
	var out T
	if a.StatusCode != status {
		w.t.Fatalf("%s %s: status %d, not %d: %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	if a.body != "" {
		if err := json.Unmarshal([]byte(a.body), &out); err != nil {
			w.t.Fatalf("%s: %v", a.body, err)
		}
	}
	return out
}

// refused requires the answer to be the problem of a code.
func (w *world) refused(a answered, code protocol.Code, reason string) {
	w.t.Helper()
	var got protocol.Problem
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		w.t.Fatalf("%s: status %d: %q: %v", reason, a.StatusCode, a.body, err)
	}
	if got.Code != code || a.StatusCode != code.Status() {
		w.t.Errorf("%s: status %d, %+v: want code %s", reason, a.StatusCode, got, code)
	}
}
