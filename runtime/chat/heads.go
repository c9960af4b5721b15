package chat

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxJoined bounds the users that one head names.
const maxJoined = 256

// announceHeads tells every gateway, now and then, how far the active conversations have come: what was lost on the way
// heals within seconds.
func (s *Service) announceHeads(ctx context.Context) {
	every(ctx, s.o.HeadsEvery, func() {
		now := s.now()
		for _, l := range s.allLanes() {
			if h := l.headSince(now.Add(-s.o.HeadsFor)); h != nil {
				s.streams.head(h)
			}
		}
	})
}

// announce tells every gateway the lane's head at once.
func (s *Service) announce(l *lane) {
	if h := l.headSince(time.Time{}); h != nil {
		s.streams.head(h)
	}
}

// head returns the conversation's head if a lane has it, or nil.
func (s *Service) head(conv store.Conv) *chatpb.Head {
	s.mu.Lock()
	l := s.lanes[conv]
	s.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.headSince(time.Time{})
}

// headSince returns the lane's head if it was active since then, or nil. It forgets who joined before that.
func (l *lane) headSince(t time.Time) *chatpb.Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.opened || l.touched.Before(t) {
		l.joined = nil
		return nil
	}
	for len(l.joined) > 0 && l.joined[0].at.Before(t) {
		l.joined = l.joined[1:]
	}
	h := &chatpb.Head{Tenant: string(l.conv.Tenant()), Conversation: l.conv.ID(), Seq: l.head}
	for _, a := range l.joined[max(0, len(l.joined)-maxJoined):] {
		h.Joined = append(h.Joined, a.user)
	}
	return h
}

// every calls f at each tick until ctx ends.
func every(ctx context.Context, d time.Duration, f func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f()
		}
	}
}
