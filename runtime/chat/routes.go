package chat

import (
	"maps"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// maxRouted is how many members a conversation may have for their routes to be looked up. What happens in a larger one goes to
	// every gateway.
	maxRouted = 64
	// routesFor is how long a lookup serves the conversation. Who connects meanwhile learns of it by a head, as soon after.
	routesFor = time.Second
	// maxSignalsWaiting bounds the signals that wait for one lookup; more are dropped.
	maxSignalsWaiting = 128
)

// gateways are some of those that are connected.
type gateways map[*outgoing]struct{}

// audience is who hears of a conversation, and which gateways have nobody of them. Its lock comes before those of the locator and
// of streams.
type audience struct {
	s    *Service
	conv store.Conv

	mu sync.Mutex
	// known says that the members are: users, or, with nil, too many to look up.
	known bool
	users []store.User
	// turn tells a lookup for these users from one for those before.
	turn int
	// away are the gateways that certainly had none of them when they were looked up, and until is when that is too long ago.
	away  gateways
	until time.Time
	// looking says that a lookup is under way: what comes meanwhile waits behind it.
	looking bool
	waiting []func(skip gateways)
	// owed are those that a lookup not made for it has left out of a delivery: they are told the head.
	owed gateways
	// typed is when a large conversation was last told that somebody writes.
	typed time.Time
}

func newAudience(s *Service, conv store.Conv) *audience { return &audience{s: s, conv: conv} }

// deliver hands a committed batch to the gateways that may have a member.
func (a *audience) deliver(b *logpb.Batch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := &chatpb.Deliver{Tenant: string(a.conv.Tenant()), Conversation: a.conv.ID(), Batch: b, Large: a.known && a.users == nil}
	if a.tell(false, func(skip gateways) { a.s.streams.deliver(d, skip, a.s.metrics) }) && len(a.away) > 0 {
		if len(a.owed) == 0 {
			a.owed = gateways{}
			a.s.locator.owe(a)
		}
		maps.Copy(a.owed, a.away)
	}
}

// signal hands a signal to the gateways that may have a member. No head heals one that is lost, so who has just connected is looked
// for: an earlier lookup that leaves somebody out does not serve.
func (a *audience) signal(sig *chatpb.Signal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) < maxSignalsWaiting {
		a.tell(len(a.away) > 0, func(skip gateways) { a.s.streams.signal(sig, skip) })
	}
}

// tell calls send with the gateways to skip: now, or when they are known, in order; with anew no earlier lookup serves. It says
// whether one did. The lock is held.
func (a *audience) tell(anew bool, send func(skip gateways)) (served bool) {
	switch {
	case a.looking:
		a.waiting = append(a.waiting, send)
	case !anew && a.users != nil && a.s.now().Before(a.until):
		send(a.away)
		return true
	case a.users != nil && a.s.locator.ask(lookup{a, a.turn, a.users}):
		a.looking = true
		a.waiting = append(a.waiting, send)
	default:
		send(nil)
	}
	return false
}

// located takes a lookup's answer; nil when there is none, and everybody is told.
func (a *audience) located(turn int, away gateways) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if turn != a.turn {
		return
	}
	if a.away, a.until = away, (time.Time{}); away != nil {
		a.until = a.s.now().Add(routesFor)
	}
	a.flush(away)
}

// set says who the members are: nil for too many. What is known of where they were ends.
func (a *audience) set(users []store.User) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn++
	a.known, a.users, a.away, a.until = true, users, nil, time.Time{}
	a.flush(nil)
}

// flush sends what waits. The lock is held.
func (a *audience) flush(skip gateways) {
	for _, send := range a.waiting {
		send(skip)
	}
	a.waiting, a.looking = nil, false
}

// heal tells the gateways that were left out, by a lookup that was not made for it, how far the conversation has come; nil when
// its lane is gone.
func (a *audience) heal(h *chatpb.Head) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for o := range a.owed {
		if h != nil {
			o.head(h)
		}
	}
	a.owed = nil
}

// members returns whether they are known, and who they are unless they are too many.
func (a *audience) members() (users []store.User, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.users, a.known
}

// heard keeps the audience in line with the members, before the batch that may have changed them is delivered: those whom it
// removes hear of that and of nothing after. Run's own, like the members.
func (l *lane) heard(b *logpb.Batch) {
	changed := !l.placed
	var removed []string
	for _, e := range b.GetEntries() {
		changed = changed || len(e.GetMembersAdded().GetMembers()) > 0
		removed = append(removed, e.GetMembersRemoved().GetUsers()...)
	}
	if changed || len(removed) > 0 {
		l.audience.set(l.members.users(l.conv.Tenant(), removed))
	}
	// Next time without those who are gone.
	l.placed = len(removed) == 0
}

// users returns who is a member, and the others named; nil when they are too many.
func (m *members) users(tenant store.Tenant, others []string) []store.User {
	if m.current+len(others) > maxRouted {
		return nil
	}
	out := make([]store.User, 0, m.current+len(others))
	add := func(id string) {
		if u, err := store.NewUser(tenant, id); err == nil { // what the store has is an id
			out = append(out, u)
		}
	}
	for id, s := range m.all {
		if s.left == 0 {
			add(id)
		}
	}
	for _, id := range others {
		if !m.is(id) {
			add(id)
		}
	}
	return out
}
