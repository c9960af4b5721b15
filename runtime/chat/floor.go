package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// errGap says that the store lacks part of the log. The lane must not go on: it would give seqs out twice.
var errGap = errors.New("the log has a gap")

// markEvery is how often a lane sees to it that a mark covers what it has read, and how long it trusts what it has read: far
// within the time after which batches expire: where tenants may have their own, within the least. 0: nothing expires.
func (s *Service) markEvery() time.Duration {
	if s.o.Tenants != nil && (s.o.HotRetention <= 0 || s.o.HotRetention > store.MinRetention) {
		return store.MinRetention / 8
	}
	return s.o.HotRetention / 8
}

// stale says whether batches that the lane has not seen could have come and be about to go.
func (l *lane) stale() bool {
	every := l.s.markEvery()
	return every > 0 && l.s.now().Sub(l.fresh) > every
}

// verify finds out whether the lane's end of the log still is one: what was written after it and has expired was passed by a
// mark before that.
func (l *lane) verify() {
	ctx, cancel := context.WithTimeout(l.s.life, openMax)
	defer cancel()
	b := newBackoff()
	for {
		err := l.look(ctx)
		if err == nil || errors.Is(err, errGap) {
			return
		}
		if !l.dropExpired() || !sleep(ctx, b.NextBackOff()) {
			l.s.o.Log.Warn("a lane cannot make sure of its end", "conversation", l.conv.String(), "error", err)
			l.failAll(protocol.CodeUnavailable, "the conversation cannot be read")
			return
		}
	}
}

func (l *lane) look(ctx context.Context) error {
	start := l.s.now()
	cctx, cancel := context.WithTimeout(ctx, l.s.o.StoreTimeout)
	defer cancel()
	conv, err := l.s.o.Store.Conversation(cctx, l.conv)
	if err != nil {
		return err
	}
	if _, err := l.catchUp(ctx, nil); err != nil {
		return err
	}
	if err := l.reaches(max(conv.Tail, conv.Floor)); err != nil {
		return err
	}
	l.fresh = start
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raised, l.floor = max(l.raised, conv.Tail), max(l.floor, conv.Floor)
	return nil
}

// reaches returns errGap unless the lane has read up to floor, and anything at all: a conversation's first batch comes with it.
func (l *lane) reaches(floor uint64) error {
	if head := l.next - 1; head < max(floor, 1) {
		l.gap = fmt.Errorf("%w: it ends at %d and has been at %d", errGap, head, max(floor, 1))
		return l.gap
	}
	return nil
}

// abandon gives the lane up: whoever comes next makes another, which reads the marks afresh. It heals once readers have applied
// what has expired, and so raised the tail.
func (l *lane) abandon() {
	l.s.metrics.gaps.Inc()
	l.s.o.Log.Error("a conversation takes nothing: its log has expired before readers applied it", "conversation", l.conv.String(), "error", l.gap)
	l.s.forget(l)
	l.mu.Lock()
	l.checkDue = false
	l.mu.Unlock()
	l.failAll(protocol.CodeUnavailable, "the conversation cannot be read")
}

// due says whether entries that no mark covers have been there for long enough. Called with mu held.
func (l *lane) due(now time.Time) bool {
	every := l.s.markEvery()
	return every > 0 && l.opened && l.head > max(l.raised, l.floor) && now.Sub(l.marked) > every
}

// mark raises the tail as far as it may be raised, and the floor where that is not to the end: so whoever opens the lane next
// learns what was there, even when all of it has expired. It returns the head that is covered.
func (s *Service) mark(ctx context.Context, l *lane, tail, count uint64) (head uint64, err error) {
	l.mu.Lock()
	head = l.head
	raised, floor, opened := l.raised, l.floor, l.opened
	l.mu.Unlock()
	if !opened {
		return head, nil
	}
	if tail > raised {
		err = s.call(ctx, func(ctx context.Context) error { return s.o.Store.RaiseTail(ctx, l.conv, tail, count) })
		if err == nil {
			raised = tail
		}
	}
	if head > max(tail, floor) {
		ferr := s.call(ctx, func(ctx context.Context) error { return s.o.Store.RaiseFloor(ctx, l.conv, head) })
		if ferr == nil {
			floor = head
		}
		err = errors.Join(err, ferr)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raised, l.floor = max(l.raised, raised), max(l.floor, floor)
	if err == nil {
		l.marked = s.now()
	}
	return head, err
}
