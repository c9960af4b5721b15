package gateway

import (
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const shards = 64

// hub knows which connections are whose, and which are in which conversation.
type hub struct {
	users [shards]userShard
	convs [shards]convShard
}

type userShard struct {
	mu sync.RWMutex
	m  map[store.User][]*conn
	// rates are what a user's connections share. A user without one starts afresh.
	rates map[store.User]*rate.Limiter
}

type convShard struct {
	mu sync.RWMutex
	m  map[store.Conv]map[*conn]struct{}
}

func newHub() *hub {
	h := &hub{}
	for i := range shards {
		h.users[i].m, h.users[i].rates = map[store.User][]*conn{}, map[store.User]*rate.Limiter{}
		h.convs[i].m = map[store.Conv]map[*conn]struct{}{}
	}
	return h
}

func (h *hub) userShard(u store.User) *userShard { return &h.users[xxhash.Sum64String(u.ID())%shards] }
func (h *hub) convShard(c store.Conv) *convShard { return &h.convs[xxhash.Sum64String(c.ID())%shards] }

// addUser registers c and returns the connection of the same device that it replaces, if any: c itself where that one is newer, for a
// hello may take longer than one that came after it.
func (h *hub) addUser(c *conn) (replaced *conn) {
	s := h.userShard(c.user)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rates[c.user] == nil {
		s.rates[c.user] = rate.NewLimiter(c.g.o.Limits.UserSendRate, c.g.o.Limits.UserSendBurst)
	}
	c.userRate = s.rates[c.user]
	conns := s.m[c.user]
	for i, other := range conns {
		if other.device == c.device {
			if other.accepted > c.accepted {
				return c
			}
			conns[i] = c
			return other
		}
	}
	s.m[c.user] = append(conns, c)
	return nil
}

// removeUser forgets c unless it was replaced before.
func (h *hub) removeUser(c *conn) {
	s := h.userShard(c.user)
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := slices.DeleteFunc(s.m[c.user], func(other *conn) bool { return other == c })
	if s.m[c.user] = conns; len(conns) == 0 {
		delete(s.m, c.user)
		delete(s.rates, c.user)
	}
}

// userConns returns the user's connections.
func (h *hub) userConns(u store.User) []*conn {
	s := h.userShard(u)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.m[u])
}

// tenantConns returns the connections of a tenant's users.
func (h *hub) tenantConns(t store.Tenant) []*conn {
	var out []*conn
	for i := range h.users {
		s := &h.users[i]
		s.mu.RLock()
		for u, conns := range s.m {
			if u.Tenant() == t {
				out = append(out, conns...)
			}
		}
		s.mu.RUnlock()
	}
	return out
}

func (h *hub) addConv(v store.Conv, c *conn) {
	s := h.convShard(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m[v] == nil {
		s.m[v] = map[*conn]struct{}{}
	}
	s.m[v][c] = struct{}{}
}

func (h *hub) removeConv(v store.Conv, c *conn) {
	s := h.convShard(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m[v], c)
	if len(s.m[v]) == 0 {
		delete(s.m, v)
	}
}

// eachConn calls f for every connection in the conversation. f takes no hub lock.
func (h *hub) eachConn(v store.Conv, f func(*conn)) {
	s := h.convShard(v)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for c := range s.m[v] {
		f(c)
	}
}

// conversations returns those that match and have a connection.
func (h *hub) conversations(match func(store.Conv) bool) []store.Conv {
	var out []store.Conv
	for i := range h.convs {
		s := &h.convs[i]
		s.mu.RLock()
		for v := range s.m {
			if match(v) {
				out = append(out, v)
			}
		}
		s.mu.RUnlock()
	}
	return out
}
