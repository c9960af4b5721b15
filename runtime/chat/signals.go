package chat

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// quietFor is how long the members of a conversation without a lane are remembered, and maxQuiet of how many.
	quietFor = 5 * time.Minute
	maxQuiet = 20_000
	// quietReads is how many conversations are read at a time for the sake of signals.
	quietReads = 8
	// typingEvery is how often a conversation with many members is told that somebody writes.
	typingEvery = time.Second
)

// quiet are the audiences of conversations that have signals and no lane: somebody reads, and nobody has written for a while.
type quiet struct {
	s     *Service
	reads *semaphore.Weighted

	mu  sync.Mutex
	all map[store.Conv]*quietAudience
}

type quietAudience struct {
	*audience
	until time.Time
	// waiting are the signals that wait for the members to be read.
	reading bool
	waiting []*chatpb.Signal
}

func newQuiet(s *Service) *quiet {
	return &quiet{s: s, reads: semaphore.NewWeighted(quietReads), all: map[store.Conv]*quietAudience{}}
}

// signal passes a signal on to the members who are connected. It is dropped where that would cost more than it is worth.
func (s *Service) signal(in *chatpb.Signal) {
	conv, err := store.NewConv(store.Tenant(in.GetTenant()), in.GetConversation())
	if err != nil {
		return
	}
	if _, err := store.NewUser(conv.Tenant(), in.GetUser()); err != nil || in.GetKind() == nil {
		return
	}
	s.mu.Lock()
	l := s.lanes[conv]
	s.mu.Unlock()
	if l != nil {
		if users, known := l.audience.members(); known {
			s.passOn(l.audience, users, in)
			return
		}
	}
	s.quiet.signal(conv, in)
}

// passOn tells a small conversation everything, and a large one now and then that somebody writes; of a mark there only the user's
// own other devices learn.
func (s *Service) passOn(a *audience, users []store.User, in *chatpb.Signal) {
	s.metrics.signals.Inc()
	switch {
	case users != nil && len(users) <= protocol.MaxReceiptMembers:
		a.signal(in)
	case in.GetTyping() != nil:
		a.mu.Lock()
		now := s.now()
		due := now.Sub(a.typed) >= typingEvery
		if due {
			a.typed = now
		}
		a.mu.Unlock()
		if due {
			a.signal(in)
		}
	case in.GetReceipt().GetRead() > 0:
		u, err := store.NewUser(a.conv.Tenant(), in.GetUser())
		if err != nil {
			return
		}
		in.Own = true
		own := newAudience(s, a.conv)
		own.set([]store.User{u})
		own.signal(in)
	}
}

// signal passes the signal on when the members are known.
func (q *quiet) signal(conv store.Conv, in *chatpb.Signal) {
	q.mu.Lock()
	now := q.s.now()
	a := q.all[conv]
	if a != nil && !a.reading && now.Before(a.until) {
		q.mu.Unlock()
		users, _ := a.members()
		q.s.passOn(a.audience, users, in)
		return
	}
	defer q.mu.Unlock()
	if a != nil && a.reading {
		if len(a.waiting) < maxSignalsWaiting {
			a.waiting = append(a.waiting, in)
		}
		return
	}
	if !q.reads.TryAcquire(1) {
		return
	}
	q.room(now)
	a = &quietAudience{audience: newAudience(q.s, conv), reading: true, waiting: []*chatpb.Signal{in}}
	q.all[conv] = a
	started := q.s.tasks.Go(func() {
		defer q.reads.Release(1)
		q.read(a)
	})
	if !started {
		q.reads.Release(1)
		delete(q.all, conv)
	}
}

// room forgets what is old, or anything, when there is too much. The lock is held.
func (q *quiet) room(now time.Time) {
	if len(q.all) < maxQuiet {
		return
	}
	for conv, a := range q.all {
		if !a.reading && now.After(a.until) {
			delete(q.all, conv)
		}
	}
	for conv, a := range q.all {
		if len(q.all) < maxQuiet*9/10 {
			return
		}
		if !a.reading {
			delete(q.all, conv)
		}
	}
}

// read asks the store who the members are.
func (q *quiet) read(a *quietAudience) {
	var all []store.Member
	err := q.s.call(q.s.life, func(ctx context.Context) (err error) {
		all, err = q.s.o.Store.Members(ctx, a.conv)
		return err
	})
	var users []store.User
	for _, m := range all {
		if m.Left == 0 {
			users = append(users, m.User)
		}
	}
	if len(users) > maxRouted {
		users = nil
	}
	q.mu.Lock()
	waiting := a.waiting
	a.waiting, a.reading, a.until = nil, false, q.s.now().Add(quietFor)
	if err != nil || len(all) == 0 {
		delete(q.all, a.conv)
		q.mu.Unlock()
		return
	}
	a.set(users)
	q.mu.Unlock()
	for _, in := range waiting {
		q.s.passOn(a.audience, users, in)
	}
}

// takeover passes on that a device has connected elsewhere.
func (s *Service) takeover(t *chatpb.Takeover) {
	s.streams.each(func(o *outgoing) {
		if o.instance == t.GetInstance() {
			o.takeover(t)
		}
	})
}
