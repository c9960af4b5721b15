package gatewaytest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// ErrBroken is what fakes that are told to fail return.
var ErrBroken = errors.New("broken by the test")

// Store is the embedded store with hooks. A hook that is nil does nothing.
type Store struct {
	store.Store

	mu     sync.Mutex
	onRead func(v store.Conv, from uint64) error
	reads  int
}

// OnRead is called before every read of a log; an error fails the read.
func (s *Store) OnRead(f func(v store.Conv, from uint64) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRead = f
}

// Reads is how many reads of logs there were.
func (s *Store) Reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// Read implements store.Log.
func (s *Store) Read(ctx context.Context, v store.Conv, from uint64, limit int) ([]store.Stored, error) {
	s.mu.Lock()
	s.reads++
	f := s.onRead
	s.mu.Unlock()
	if f != nil {
		if err := f(v, from); err != nil {
			return nil, err
		}
	}
	return s.Store.Read(ctx, v, from, limit)
}

// Tokens accepts a user's id as a token. "expired" has expired, "bad…" is refused, "later" cannot be verified now, and USER~DURATION
// expires after the duration. They were issued an hour ago. USER!ID has an id and is issued whenever it is verified; USER!ID@DEVICE is
// that device's, and so is USER!@DEVICE, which has no id and was issued an hour ago. TENANT/USER is another tenant's, and "panic" is a fault.
type Tokens struct{}

// Verify implements gateway.Verifier.
func (Tokens) Verify(_ context.Context, token string) (gateway.Principal, error) {
	switch {
	case token == "expired":
		return gateway.Principal{}, auth.ErrExpired
	case token == "later":
		return gateway.Principal{}, auth.ErrKeysUnavailable
	case token == "panic":
		panic("a fault of the test")
	case strings.HasPrefix(token, "bad"):
		return gateway.Principal{}, auth.ErrBadSignature
	}
	user, ttl, limited := strings.Cut(token, "~")
	user, id, fresh := strings.Cut(user, "!")
	id, device, _ := strings.Cut(id, "@")
	tenant := Tenant
	if t, id, foreign := strings.Cut(user, "/"); foreign {
		tenant, user = store.Tenant(t), id
	}
	u, err := store.NewUser(tenant, user)
	if err != nil {
		return gateway.Principal{}, auth.ErrMalformed
	}
	p := gateway.Principal{User: u, Expires: time.Now().Add(time.Hour), Issued: time.Now().Add(-time.Hour), TokenID: id, Device: device}
	if fresh && id != "" {
		p.Issued = time.Now()
	}
	if limited {
		d, err := time.ParseDuration(ttl)
		if err != nil {
			return gateway.Principal{}, auth.ErrMalformed
		}
		p.Expires = time.Now().Add(d)
	}
	return p, nil
}

// Marks is a cache of marks.
type Marks struct {
	mu     sync.Mutex
	marks  map[markKey]gateway.Mark
	broken bool
}

type markKey struct {
	user   store.User
	conv   store.Conv
	device string
}

func newMarks() *Marks { return &Marks{marks: map[markKey]gateway.Mark{}} }

// Break makes every call fail, or no more.
func (m *Marks) Break(broken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = broken
}

// RaiseMarks implements gateway.Marks.
func (m *Marks) RaiseMarks(_ context.Context, u store.User, c store.Conv, device string, delivered, read uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return ErrBroken
	}
	k := markKey{u, c, device}
	old := m.marks[k]
	m.marks[k] = gateway.Mark{Delivered: max(old.Delivered, delivered), Read: max(old.Read, read)}
	return nil
}

// DeviceMarks implements gateway.Marks.
func (m *Marks) DeviceMarks(_ context.Context, u store.User, device string, convs []store.Conv) ([]gateway.Mark, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return nil, ErrBroken
	}
	out := make([]gateway.Mark, len(convs))
	for i, c := range convs {
		out[i] = m.marks[markKey{u, c, device}]
	}
	return out, nil
}

// MemberMarks implements gateway.Marks.
func (m *Marks) MemberMarks(_ context.Context, c store.Conv, users []store.User) ([]cache.Marks, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return nil, ErrBroken
	}
	out := make([]cache.Marks, len(users))
	for i, u := range users {
		out[i].Delivered = map[string]uint64{}
		for k, mark := range m.marks {
			if k.user == u && k.conv == c {
				out[i].Delivered[k.device] = mark.Delivered
				out[i].Read = max(out[i].Read, mark.Read)
			}
		}
	}
	return out, nil
}

// Mark returns what the cache holds.
func (m *Marks) Mark(u store.User, c store.Conv, device string) gateway.Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.marks[markKey{u, c, device}]
}

// MarkLog keeps what was published.
type MarkLog struct {
	mu        sync.Mutex
	published map[store.User]uint64
	refuse    int
}

// Refuse makes the next n publications fail.
func (l *MarkLog) Refuse(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = n
}

// PublishMark implements gateway.MarkLog.
func (l *MarkLog) PublishMark(u store.User, _ store.Conv, read uint64, done func(error)) {
	l.mu.Lock()
	if l.refuse > 0 {
		l.refuse--
		l.mu.Unlock()
		done(ErrBroken)
		return
	}
	if l.published == nil {
		l.published = map[store.User]uint64{}
	}
	l.published[u] = max(l.published[u], read)
	l.mu.Unlock()
	done(nil)
}

// Published returns the highest mark that was published for the user.
func (l *MarkLog) Published(u store.User) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.published[u]
}

// InboxFunc lists an inbox; nil is an empty one.
type InboxFunc func(ctx context.Context, u store.User, q rest.InboxQuery) (protocol.InboxPage, error)

// inboxes are a gateway.Inbox, with the preferences that the store has.
type inboxes struct {
	list InboxFunc
	*Store
}

// List implements gateway.Inbox.
func (in inboxes) List(ctx context.Context, u store.User, q rest.InboxQuery) (protocol.InboxPage, error) {
	if in.list == nil {
		return protocol.InboxPage{}, nil
	}
	return in.list(ctx, u, q)
}
