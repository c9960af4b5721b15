package server

import (
	"context"
	"sync"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// kafka accepts everything at once and keeps nothing.
type kafka struct{}

func (kafka) PublishBatch(_ store.Conv, _ string, _ *logpb.Batch, done func(error)) { done(nil) }

func (kafka) PublishMark(_ store.User, _ store.Conv, _ uint64, done func(error)) { done(nil) }

// marks are what Redis would hold.
type marks struct {
	mu sync.Mutex
	m  map[markKey]gateway.Mark
}

type markKey struct {
	user   store.User
	conv   store.Conv
	device string
}

func newMarks() *marks { return &marks{m: map[markKey]gateway.Mark{}} }

func (s *marks) RaiseMarks(_ context.Context, u store.User, c store.Conv, device string, delivered, read uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := markKey{u, c, device}
	m := s.m[k]
	s.m[k] = gateway.Mark{Delivered: max(m.Delivered, delivered), Read: max(m.Read, read)}
	return nil
}

func (s *marks) DeviceMarks(_ context.Context, u store.User, device string, convs []store.Conv) ([]gateway.Mark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]gateway.Mark, len(convs))
	for i, c := range convs {
		out[i] = s.m[markKey{u, c, device}]
	}
	return out, nil
}

// MemberMarks is asked by REST alone, which nobody uses here.
func (s *marks) MemberMarks(_ context.Context, _ store.Conv, users []store.User) ([]cache.Marks, error) {
	return make([]cache.Marks, len(users)), nil
}

// nothing is a read model that is empty.
type nothing struct{}

func (nothing) List(context.Context, store.User, rest.InboxQuery) (protocol.InboxPage, error) {
	return protocol.InboxPage{}, nil
}

func (nothing) SetPreferences(context.Context, store.User, store.Conv, store.PreferencesChange) (store.Preferences, error) {
	return store.Preferences{}, store.ErrNotFound
}

func (nothing) Entries(context.Context, store.Conv, uint64, uint64) ([]*logpb.Entry, error) {
	return nil, nil
}
