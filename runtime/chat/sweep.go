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
	// trimAfter is how long a lane is quiet before its window is trimmed and its devices' last messages are forgotten.
	trimAfter = time.Minute
)

// sweep looks after the lanes: it looks for late writes, trims, sees to the marks, and closes.
func (s *Service) sweep(ctx context.Context) {
	every(ctx, min(s.o.HeadsEvery, s.o.LaneIdle), func() {
		now := s.now()
		var idle, due []*lane
		for _, l := range s.allLanes() {
			switch l.tend(now) {
			case careClose:
				idle = append(idle, l)
			case careMark:
				due = append(due, l)
			}
		}
		s.markLanes(ctx, due)
		s.closeLanes(ctx, idle)
	})
}

// care is what a lane needs.
type care int

const (
	careNone care = iota
	careClose
	careMark
)

// tend says what the lane needs.
func (l *lane) tend(now time.Time) care {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened && now.Before(l.unsettled) {
		l.checkDue = true
		l.start()
		return careNone
	}
	if l.idle() {
		quiet := now.Sub(l.touched)
		if quiet > trimAfter && l.window != nil {
			l.window.trim(windowIdle)
			clear(l.last)
		}
		if quiet > l.s.o.LaneIdle {
			return careClose
		}
	}
	if l.due(now) {
		return careMark
	}
	return careNone
}

// markLanes has the marks of busy lanes follow them.
func (s *Service) markLanes(ctx context.Context, ls []*lane) {
	var g errgroup.Group
	g.SetLimit(closing)
	for _, l := range ls {
		g.Go(func() error {
			l.mu.Lock()
			tail, count := l.accepted, l.acceptedCount
			l.mu.Unlock()
			if _, err := s.mark(ctx, l, tail, count); err != nil {
				s.o.Log.Warn("a busy lane's marks stay behind", "conversation", l.conv.String(), "error", err)
			}
			return nil
		})
	}
	_ = g.Wait() // reported above
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

// closeLane raises the marks and forgets the lane. Without the marks it stays open, and is tried again; a pod that drains leaves it
// registered, so that others settle it.
func (s *Service) closeLane(ctx context.Context, l *lane) {
	l.mu.Lock()
	if !l.idle() || l.closed {
		l.mu.Unlock()
		return
	}
	tail, count := l.accepted, l.acceptedCount
	safe, safeCount := l.safe, l.safeCount
	quiet := s.now().Sub(l.touched) > s.o.LaneIdle
	l.mu.Unlock()

	if safe > tail && quiet && s.drained(ctx, l.conv) {
		tail, count = safe, safeCount
	}
	head, err := s.mark(ctx, l, tail, count)
	if err != nil {
		s.o.Log.Warn("the marks are not raised: the next opening reads more", "conversation", l.conv.String(), "error", err)
		if !s.draining.Load() {
			return
		}
	}
	s.mu.Lock()
	l.mu.Lock()
	if !l.idle() || l.closed || l.head != head {
		l.mu.Unlock()
		s.mu.Unlock()
		return
	}
	s.forgetLocked(l)
	// A put that may still land is somebody's to find: the registration outlives this pod's lease.
	settled := err == nil && s.now().After(l.unsettled)
	l.mu.Unlock()
	s.mu.Unlock()
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
