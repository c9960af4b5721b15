package rest_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// everything takes whatever passes the API's own checks, as if all existed.
type everything struct{ rest.Store }

func (everything) Conversation(_ context.Context, c store.Conv) (store.Conversation, error) {
	return store.Conversation{Conv: c, Kind: store.Group, Title: "team"}, nil
}

func (everything) Members(context.Context, store.Conv) ([]store.Member, error) {
	u, err := store.NewUser("t", "alice")
	return []store.Member{{User: u, Role: store.RoleOwner, Joined: 1}}, err
}

func (s everything) MembersPage(ctx context.Context, c store.Conv, _ string, limit int) ([]store.Member, error) {
	all, err := s.Members(ctx, c)
	return all[:min(len(all), limit)], err
}

func (everything) Membership(_ context.Context, _ store.User, c store.Conv) (store.Membership, error) {
	return store.Membership{Conv: c, Joined: 1}, nil
}

func (everything) PutDevice(_ context.Context, _ store.User, d store.Device) (store.Device, error) {
	return d, d.Preferences.Check()
}

func (everything) Devices(context.Context, store.User) ([]store.Device, error) {
	return []store.Device{{ID: "phone", Platform: "ios"}}, nil
}

func (everything) RemoveDevice(context.Context, store.User, string) error { return nil }

func (everything) SetPreferences(_ context.Context, _ store.User, _ store.Conv, ch store.PreferencesChange) (p store.Preferences, err error) {
	p.Apply(ch)
	return p, nil
}

func (everything) Send(s *chatpb.Send, done func(*chatpb.Result)) {
	if s.GetChange() == nil && s.GetBody() == "" {
		done(&chatpb.Result{Code: string(protocol.CodeInternal)})
		return
	}
	done(&chatpb.Result{Seq: 2, AtMs: 1})
}

func (everything) Create(_ context.Context, r *chatpb.CreateConversationRequest) (*chatpb.CreateConversationResponse, error) {
	return &chatpb.CreateConversationResponse{Conversation: r.GetConversation(), Kind: r.GetKind(), Title: r.GetTitle(), Created: true}, nil
}

func (everything) List(context.Context, store.User, rest.InboxQuery) (protocol.InboxPage, error) {
	return protocol.InboxPage{}, nil
}

func (everything) History(context.Context, store.User, store.Conv, *uint64, *uint64, int) (protocol.HistoryPage, error) {
	return protocol.HistoryPage{Entries: []protocol.Entry{{Seq: 2, Sender: "bob", AtMS: 1, Count: 1, Kind: protocol.KindMessage}}}, nil
}

func (everything) Mark(context.Context, store.User, store.Conv, string, rest.Mark) error { return nil }

func (everything) MemberMarks(_ context.Context, _ store.Conv, users []store.User, _ uint64) ([]rest.Mark, error) {
	return make([]rest.Mark, len(users)), nil
}

func (everything) SignOutDevice(context.Context, store.User, string) error { return nil }

func (everything) SignOutAll(context.Context, store.User) error { return nil }

func (everything) Presence(context.Context, store.User, []string) ([]protocol.Presence, error) {
	return nil, nil
}

func (everything) Connections(context.Context, store.User) ([]cache.Connection, error) {
	return nil, nil
}

// open is an API over everything. change may adjust its options.
func open(change ...func(*rest.Options)) http.Handler {
	all := everything{}
	o := rest.Options{
		Verify: func(ctx context.Context, token string) (auth.Principal, error) {
			return gatewaytest.Tokens{}.Verify(ctx, token)
		},
		Store: all, Chat: all, Inbox: all, History: all, Marks: all, SignOut: all, Routes: all, Presence: all,
		Socket: func(w http.ResponseWriter, _ *http.Request) {
			httpapi.Problem(w, protocol.ProblemOf(protocol.CodeInvalid, ""))
		},
		Limits: rest.Limits{RequestRate: 1e9, RequestBurst: 1 << 30},
		Logger: slog.New(slog.DiscardHandler), Panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "panics"}),
		Requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests"}, []string{"route", "status"}),
		Seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "seconds"}, []string{"route"}), Tracer: noop.NewTracerProvider().Tracer(""),
	}
	for _, f := range change {
		f(&o)
	}
	return rest.New(o)
}

// judge requires an answer as described, and never a fault.
func judge(t *testing.T, api http.Handler, q ask) {
	t.Helper()
	target, err := url.ParseRequestURI(q.path)
	if err != nil {
		return
	}
	req := httptest.NewRequest(q.method, "/", strings.NewReader(q.body)).WithContext(t.Context())
	req.URL, req.RequestURI = target, q.path
	req.Header.Set("Authorization", "Bearer alice")
	req.Header.Set("Content-Type", "application/json")
	for k, v := range q.head {
		req.Header[k] = v
	}
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, req)
	res := rec.Result()
	res.Request = req
	if res.StatusCode >= 500 {
		t.Errorf("%s %s: %d: %s", q.method, q.path, res.StatusCode, rec.Body)
	}
	if res.StatusCode >= 400 && res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %s: %d is no problem: %s", q.method, q.path, res.StatusCode, rec.Body)
	}
	theDocument(t).Check(t, "", res, rec.Body.String())
}

// FuzzBodies sends any body to every operation that takes one.
func FuzzBodies(f *testing.F) {
	for _, b := range bodies {
		f.Add(b)
	}
	f.Add(`{"kind":"direct","user":"bob"}`)
	f.Add(`{"platform":"ios","push_channel":"APNS","push_token":"x","preferences":{"do_not_disturb":{"from":"22:00","to":"07:00","time_zone":"Europe/Berlin"}}}`)
	f.Add(`{"muted_until_ms":9007199254740993,"archived":null}`)
	f.Add(`{"seq":1e3,"after_seq":18446744073709551615}`)
	f.Add("\xff\xfe{}")
	api, all := open(), routes()
	f.Fuzz(func(t *testing.T, body string) {
		for _, r := range all {
			if q := good(r, "alice"); q.body != "" {
				q.body = body
				judge(t, api, q)
			}
		}
	})
}

// FuzzRequests sends any id, query and Idempotency-Key to every operation.
func FuzzRequests(f *testing.F) {
	f.Add("room", "limit=1&after=1", "key")
	f.Add("%2E%2E%2F", "before=-1&cursor=%FF", "")
	f.Add("%00", "cursor=AAAA&user=%00", "\x7f")
	f.Add("18446744073709551616", "after=9223372036854775807&limit=200", strings.Repeat("k", 65))
	f.Add("%F0%9F%91%8D", "user=a&user=b;c", "ä")
	f.Add("a/b", "%zz", "a,b")
	api, all := open(), routes()
	f.Fuzz(func(t *testing.T, id, query, key string) {
		for _, r := range all {
			path := strings.NewReplacer("{id}", id, "{user}", id, "{seq}", id, "{emoji}", id, "{device}", id).Replace(r.Path)
			q := ask{method: r.Method, path: path + "?" + query, body: bodies[operation(r.Method, r.Path)]}
			q.head = http.Header{"Idempotency-Key": {key}, "If-None-Match": {key}, "Accept": {key}, "X-Request-Id": {key}}
			judge(t, api, q)
			delete(q.head, "Accept")
			judge(t, api, q)
		}
	})
}
