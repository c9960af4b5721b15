package admin_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// backend is everything that an admin role uses, and in which all is well unless a test says otherwise. What is changed is noted in did.
type backend struct {
	mu    sync.Mutex
	did   []string
	sends []*chatpb.Send
	muted map[store.User]time.Time
	holds []admin.Hold

	result  func(*chatpb.Send) *chatpb.Result
	review  func(c store.Conv, seq uint64) (readmodel.Review, error)
	around  func(seq uint64) ([]*logpb.Entry, error)
	archive func(w io.Writer) error
	begin   func(u store.User) (admin.Erasure, error)
	erased  []admin.Erasure
	revoked func(p auth.Principal) error
	stats   func(from, to time.Time, step string) (admin.Figures, error)
	chain   []audit.Entry
	queue   []readmodel.Review
	users   []string
	broken  error
}

func newBackend() *backend {
	b := &backend{muted: map[store.User]time.Time{}}
	b.result = func(*chatpb.Send) *chatpb.Result { return &chatpb.Result{Seq: 57, AtMs: 1_764_100_000_000} }
	b.review = func(c store.Conv, seq uint64) (readmodel.Review, error) {
		return readmodel.Review{
			Conv: c, Kind: store.Group, Seq: seq, Author: "eve", OpenedAtMS: 1_764_100_000_000, State: readmodel.ReviewOpen,
			Action: "hide", Processor: "spam", Reason: "near-duplicate", VerdictSeq: 43,
		}, nil
	}
	b.around = func(seq uint64) ([]*logpb.Entry, error) {
		hide := &logpb.Verdict{Target: 42, Action: "hide", Processor: "spam"}
		if seq == 43 {
			return []*logpb.Entry{{Seq: 43, Sender: "spam", Kind: &logpb.Entry_Verdict{Verdict: hide}}}, nil
		}
		return []*logpb.Entry{{Seq: seq, Sender: "eve", Kind: &logpb.Entry_Message{Message: &logpb.Message{
			Body: "buy now", Revision: 1, Verdict: hide,
		}}}}, nil
	}
	b.archive = func(w io.Writer) error { _, err := io.WriteString(w, "PK"); return err }
	b.begin = func(store.User) (admin.Erasure, error) {
		return admin.Erasure{ID: "e-1", Report: json.RawMessage(`{}`)}, nil
	}
	b.erased = []admin.Erasure{{ID: "e-1", Done: true, Report: json.RawMessage(`{"messages":3}`)}}
	b.stats = func(from, _ time.Time, _ string) (admin.Figures, error) {
		return admin.Figures{Steps: []admin.Step{{StartMS: from.UnixMilli(), Counts: admin.Counts{Messages: 3, Deliveries: 2, Pushes: []admin.Pushes{{Channel: "GCM", Outcome: "delivered", Count: 2}}}}}, Total: admin.Counts{Messages: 3, Deliveries: 2, Pushes: []admin.Pushes{{Channel: "GCM", Outcome: "delivered", Count: 2}}}}, nil
	}
	return b
}

// note keeps what was changed.
func (b *backend) note(words ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.did = append(b.did, strings.Join(words, " "))
}

// done returns what was changed since it was asked last.
func (b *backend) done() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.did
	b.did = nil
	return out
}

func (b *backend) Check(p auth.Principal, _ string) error {
	if b.revoked != nil {
		return b.revoked(p)
	}
	return nil
}

func (b *backend) Revoke(_ context.Context, v store.Revocation) error {
	b.note("revoke", v.User.ID(), v.Device)
	return b.broken
}

func (b *backend) Devices(context.Context, store.User) ([]store.Device, error) {
	return []store.Device{
		{ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: "a secret", RegisteredAt: time.UnixMilli(1_764_100_000_000), Locale: "de-CH"},
	}, b.broken
}

func (b *backend) RemoveDevice(_ context.Context, u store.User, device string) error {
	b.note("remove", u.ID(), device)
	return b.broken
}

func (b *backend) MembersPage(_ context.Context, c store.Conv, after string, limit int) ([]store.Member, error) {
	var out []store.Member
	for _, id := range []string{"ann", "bob", "eve"} {
		if id > after && len(out) < limit {
			u, err := store.NewUser(c.Tenant(), id)
			if err != nil {
				return nil, err
			}
			out = append(out, store.Member{User: u, Role: store.RoleMember, Joined: 1})
		}
	}
	return out, b.broken
}

func (b *backend) Users(_ context.Context, _ store.Tenant, prefix, after string, limit int) ([]string, error) {
	found := slices.DeleteFunc(slices.Clone(b.users), func(id string) bool { return !strings.HasPrefix(id, prefix) || id <= after })
	return append([]string{}, found[:min(limit, len(found))]...), b.broken
}

func (b *backend) CountPlaces(context.Context, store.User) (in, left int, err error) {
	return 3, 1, b.broken
}

func summary(t store.Tenant, id string) readmodel.Summary {
	c, err := store.NewConv(t, id)
	if err != nil {
		panic(err)
	}
	s := readmodel.Summary{Conv: c, Kind: store.Group, Title: "Kitchen", Head: 60, Count: 50, LastAtMS: 1_764_100_000_000}
	if strings.HasPrefix(id, "d-") {
		s.Kind, s.Title = store.Direct, ""
	}
	return s
}

func (b *backend) Conversations(_ context.Context, t store.Tenant, q readmodel.ConversationQuery) ([]readmodel.Summary, string, error) {
	if q.After == "" {
		return []readmodel.Summary{summary(t, "room")}, "room", b.broken
	}
	return nil, "", b.broken
}

func (b *backend) Summaries(_ context.Context, t store.Tenant, ids []string) ([]readmodel.Summary, error) {
	if ids[0] == "nowhere" {
		return nil, nil
	}
	return []readmodel.Summary{summary(t, ids[0])}, b.broken
}

func (b *backend) Reviews(_ context.Context, t store.Tenant, q readmodel.ReviewQuery) ([]readmodel.Review, error) {
	var out []readmodel.Review
	for _, r := range b.queue {
		if r.State == q.State && r.Seq > q.After.Seq && len(out) < q.Limit {
			out = append(out, r)
		}
	}
	return out, b.broken
}

func (b *backend) Review(_ context.Context, c store.Conv, seq uint64) (readmodel.Review, error) {
	r, err := b.review(c, seq)
	return r, cmp.Or(err, b.broken)
}

func (b *backend) Around(_ context.Context, _ store.Conv, seq uint64, _ int) ([]*logpb.Entry, error) {
	return b.around(seq)
}

func (b *backend) Send(s *chatpb.Send, done func(*chatpb.Result)) {
	b.note("send", s.GetUser(), s.GetVerdict().GetAction())
	b.mu.Lock()
	b.sends = append(b.sends, s)
	b.mu.Unlock()
	go done(b.result(s))
}

func (b *backend) Tenant(_ context.Context, t store.Tenant) (store.TenantRecord, error) {
	if t != "acme" && t != "globex" {
		return store.TenantRecord{}, store.ErrNotFound
	}
	return store.TenantRecord{
		Tenant: t, State: store.TenantActive, Issuer: store.TenantIssuer{URL: "https://id." + string(t) + ".example", Audience: "chat"},
		MessagesPerSecond: 500, Retention: 48 * time.Hour, Detectors: map[string]store.Detector{"spam": {Mode: "enforce", Threshold: 80}},
	}, b.broken
}

func (b *backend) End(context.Context, string) (audit.Head, int64, error) {
	return audit.Head{N: int64(len(b.chain))}, int64(len(b.chain)), b.broken
}

func (b *backend) Entries(_ context.Context, _ string, after, upTo int64, limit int) ([]audit.Entry, error) {
	var out []audit.Entry
	for _, e := range b.chain {
		if e.N > after && e.N <= upTo && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, b.broken
}

func (b *backend) Pseudonym(_ context.Context, u store.User) (string, error) {
	if u.ID() == "nobody" {
		return "", audit.ErrNoPseudonym
	}
	return "p-" + u.ID(), b.broken
}

func (b *backend) Mute(_ context.Context, u store.User, until time.Time, by string) error {
	b.note("mute", u.ID(), "by", by)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.muted[u] = until
	return b.broken
}

func (b *backend) Unmute(_ context.Context, u store.User, by string) error {
	b.note("unmute", u.ID(), "by", by)
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.muted, u)
	return b.broken
}

func (b *backend) MutedUntil(_ context.Context, u store.User) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.muted[u], b.broken
}

func (b *backend) Stats(_ context.Context, _ store.Tenant, from, to time.Time, step string) (admin.Figures, error) {
	return b.stats(from, to, step)
}

func (b *backend) Begin(_ context.Context, u store.User) (admin.Erasure, error) {
	b.note("erase", u.ID())
	return b.begin(u)
}

func (b *backend) Erasures(context.Context, store.User) ([]admin.Erasure, error) {
	return b.erased, b.broken
}

func (b *backend) Export(_ context.Context, u store.User, w io.Writer) error {
	b.note("export", u.ID())
	return b.archive(w)
}

func (b *backend) PlaceHold(_ context.Context, _ store.Tenant, h admin.Hold) (admin.Hold, error) {
	b.note("hold", h.Name, h.User, "by", h.By)
	for _, old := range b.holds {
		if old.Name == h.Name && old.User != h.User {
			return h, store.ErrExists
		}
	}
	h.AtMS = 1_764_100_000_000
	b.holds = append(b.holds, h)
	return h, b.broken
}

func (b *backend) ReleaseHold(_ context.Context, _ store.Tenant, name string) error {
	b.note("release", name)
	n := len(b.holds)
	b.holds = slices.DeleteFunc(b.holds, func(h admin.Hold) bool { return h.Name == name })
	if len(b.holds) == n {
		return store.ErrNotFound
	}
	return b.broken
}

func (b *backend) Holds(context.Context, store.Tenant) ([]admin.Hold, error) {
	return b.holds, b.broken
}
