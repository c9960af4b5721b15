package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// presenceBatch bounds the users of one call.
	presenceBatch = 500
	// watchEvery is how often a connection may change whom it watches.
	watchEvery = time.Second
	// presenceReads is how many memberships one question reads at a time.
	presenceReads = 8
)

// presences tells connections who of the users that they watch is there. However many watch a user, Redis is asked once a round.
type presences struct {
	g    *Gateway
	wake chan struct{}

	mu    sync.Mutex
	users map[store.User]*watched
}

// watched is a user whom connections watch.
type watched struct {
	last  protocol.Presence
	known bool
	// by says of each connection whether it was told the last.
	by map[*conn]bool
}

func newPresences(g *Gateway) *presences {
	return &presences{g: g, users: map[store.User]*watched{}, wake: make(chan struct{}, 1)}
}

// onPresence replaces whom the connection watches: those of the users named with whom the user has a direct conversation. Of the
// others it learns nothing, not even whether they exist.
func (c *conn) onPresence(f *protocol.ClientFrame) {
	if len(f.Users) > protocol.MaxPresenceUsers {
		c.sendError("", "", protocol.CodeInvalid, "too many users", 0)
		return
	}
	users := make([]store.User, 0, len(f.Users))
	c.mu.Lock()
	now := time.Now()
	wait := watchEvery - now.Sub(c.watchedAt)
	if wait <= 0 {
		c.watchedAt = now
		for _, id := range f.Users {
			u, v, ok := directWith(c.user, id)
			if cur := c.cursors[v]; ok && cur != nil && !cur.left {
				users = append(users, u)
			}
		}
	}
	c.mu.Unlock()
	if wait > 0 {
		c.sendError("", "", protocol.CodeRateLimited, "", uint32(wait.Milliseconds())+1)
		return
	}
	c.g.presences.watch(c, users)
}

// directWith names the user and the direct conversation with them.
func directWith(u store.User, id string) (other store.User, v store.Conv, ok bool) {
	other, err := store.NewUser(u.Tenant(), id)
	if err != nil || other == u {
		return other, v, false
	}
	v, err = store.NewConv(u.Tenant(), rest.DirectID(u.ID(), id))
	return other, v, err == nil
}

// watch replaces what the connection watches, and has it told how that stands.
func (p *presences) watch(c *conn, users []store.User) {
	p.mu.Lock()
	p.forget(c)
	c.mu.Lock()
	gone := c.finished
	c.mu.Unlock()
	if !gone {
		for _, u := range users {
			w := p.users[u]
			if w == nil {
				w = &watched{by: map[*conn]bool{}}
				p.users[u] = w
			}
			w.by[c] = false
		}
		c.watches = users
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// leave forgets a connection that has finished.
func (p *presences) leave(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(c)
}

// forget takes the connection off. The lock is held.
func (p *presences) forget(c *conn) {
	for _, u := range c.watches {
		if w := p.users[u]; w != nil {
			if delete(w.by, c); len(w.by) == 0 {
				delete(p.users, u)
			}
		}
	}
	c.watches = nil
}

// run asks, again and again, until ctx ends.
func (p *presences) run(ctx context.Context) {
	every := p.g.o.Limits.PresenceEvery
	next := time.NewTimer(every)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			p.round(ctx, func(*watched) bool { return true })
			next.Reset(every*4/5 + rand.N(every*2/5))
		case <-p.wake:
			p.round(ctx, func(w *watched) bool {
				for _, told := range w.by {
					if !told {
						return true
					}
				}
				return false
			})
		}
	}
}

// round asks about those who match.
func (p *presences) round(ctx context.Context, match func(*watched) bool) {
	p.mu.Lock()
	var users []store.User
	for u, w := range p.users {
		if match(w) {
			users = append(users, u)
		}
	}
	p.mu.Unlock()
	for some := range slices.Chunk(users, presenceBatch) {
		found, err := p.g.whereabouts(ctx, some)
		if err != nil {
			p.g.m.cacheErrors.Inc() // what was told stands
			continue
		}
		p.tell(found)
	}
}

// tell tells each connection what it does not know yet, in one frame.
func (p *presences) tell(found map[store.User]protocol.Presence) {
	news := map[*conn][]protocol.Presence{}
	p.mu.Lock()
	for u, now := range found {
		w := p.users[u]
		if w == nil {
			continue
		}
		changed := !w.known || w.last.Online != now.Online
		w.last, w.known = now, true
		for c, told := range w.by {
			if changed || !told {
				news[c] = append(news[c], now)
				w.by[c] = true
			}
		}
	}
	p.mu.Unlock()
	for c, all := range news {
		c.tell(encode(&protocol.ServerFrame{Type: protocol.TypePresence, Presence: all}), protocol.TypePresence)
	}
}

// whereabouts returns who is there and who is not; those of whom that is not known are left out.
func (g *Gateway) whereabouts(ctx context.Context, users []store.User) (map[store.User]protocol.Presence, error) {
	out := make(map[store.User]protocol.Presence, len(users))
	var ask []store.User
	for _, u := range users {
		if len(g.hub.userConns(u)) > 0 {
			out[u] = protocol.Presence{User: u.ID(), Online: true}
		} else {
			ask = append(ask, u)
		}
	}
	if len(ask) == 0 || g.o.Routes == nil {
		return out, nil
	}
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	found, err := g.o.Routes.Presence(ctx, ask)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if !f.Known {
			continue
		}
		one := protocol.Presence{User: f.User.ID(), Online: f.Online}
		if !f.Online && !f.LastSeen.IsZero() {
			one.LastSeenMS = f.LastSeen.UnixMilli()
		}
		out[f.User] = one
	}
	return out, nil
}

// Presence answers for those of ids, at most MaxPresenceUsers, with whom u has a direct conversation and of whom it is known, in
// the order of ids.
func (g *Gateway) Presence(ctx context.Context, u store.User, ids []string) ([]protocol.Presence, error) {
	if len(ids) > protocol.MaxPresenceUsers {
		ids = ids[:protocol.MaxPresenceUsers]
	}
	met := make([]bool, len(ids))
	users := make([]store.User, len(ids))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(presenceReads)
	for i, id := range ids {
		other, v, ok := directWith(u, id)
		if !ok {
			continue
		}
		users[i] = other
		group.Go(func() error {
			m, err := g.o.Store.Membership(gctx, u, v)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			met[i] = err == nil && m.Left == 0
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var ask []store.User
	for i, ok := range met {
		if ok {
			ask = append(ask, users[i])
		}
	}
	found, err := g.whereabouts(ctx, ask)
	if err != nil {
		return nil, err
	}
	out := make([]protocol.Presence, 0, len(found))
	for i, ok := range met {
		if one, known := found[users[i]]; ok && known {
			out = append(out, one)
			delete(found, users[i])
		}
	}
	return out, nil
}
