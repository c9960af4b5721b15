package chat

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// closing is how many lanes are closed side by side.
	closing = 16
	// trimAfter is how long a lane is quiet before its window is trimmed.
	trimAfter = time.Minute
)

// sweep looks after the idle lanes: it looks for late writes, trims, and closes.
func (s *Service) sweep(ctx context.Context) {
	every(ctx, min(s.o.HeadsEvery, s.o.LaneIdle), func() {
		now := s.now()
		var idle []*lane
		for _, l := range s.allLanes() {
			if l.tend(now) {
				idle = append(idle, l)
			}
		}
		s.closeLanes(ctx, idle)
	})
}

// tend returns true when the lane may be closed.
func (l *lane) tend(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened && now.Before(l.unsettled) {
		l.checkDue = true
		l.start()
		return false
	}
	if !l.idle() {
		return false
	}
	quiet := now.Sub(l.touched)
	if quiet > trimAfter && l.window != nil {
		l.window.trim(windowIdle)
	}
	return quiet > l.s.o.LaneIdle
}

// closeLanes closes those that are still idle.
func (s *Service) closeLanes(ctx context.Context, ls []*lane) {
	var g errgroup.Group
	g.SetLimit(closing)
	for _, l := range ls {
		g.Go(func() error {
			s.closeLane(ctx, l)
			return nil
		})
	}
	_ = g.Wait() // closeLane reports for itself
}

func (s *Service) closeLane(ctx context.Context, l *lane) {
	s.mu.Lock()
	l.mu.Lock()
	if !l.idle() || l.closed {
		l.mu.Unlock()
		s.mu.Unlock()
		return
	}
	s.forgetLocked(l)
	opened, raised := l.opened, l.raised
	tail, count := l.accepted, l.acceptedCount
	safe, safeCount := l.safe, l.safeCount
	quiet := s.now().Sub(l.touched) > s.o.LaneIdle
	// A put that may still land is somebody's to find: the registration outlives this pod's lease.
	settled := s.now().After(l.unsettled)
	l.mu.Unlock()
	s.mu.Unlock()

	if safe > tail && quiet && s.drained(ctx, l.conv) {
		tail, count = safe, safeCount
	}
	if opened && tail > raised {
		err := s.call(ctx, func(ctx context.Context) error { return s.o.Store.RaiseTail(ctx, l.conv, tail, count) })
		if err != nil {
			s.o.Log.Warn("the tail is not raised: the next opening reads more", "conversation", l.conv.String(), "error", err)
		}
	}
	if s.o.Registry != nil && settled {
		err := s.call(ctx, func(ctx context.Context) error { return s.o.Registry.Unregister(ctx, s.o.Pod, l.conv) })
		if err != nil {
			s.o.Log.Warn("a closed lane is still registered", "conversation", l.conv.String(), "error", err)
		}
	}
}

// drained says whether the outbox owes nothing of the conversation: then Kafka has accepted what it once held. Only for a
// conversation that was quiet for a while, since the index behind the outbox lags.
func (s *Service) drained(ctx context.Context, conv store.Conv) bool {
	var owed []store.Owed
	err := s.call(ctx, func(ctx context.Context) (err error) {
		owed, err = s.o.Store.Outbox(ctx, store.OutboxShard(conv), outboxPage)
		return err
	})
	return err == nil && len(owed) < outboxPage && !slices.ContainsFunc(owed, func(o store.Owed) bool { return o.Conv == conv })
}
