package chat

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	retryInitial = 10 * time.Millisecond
	retryMax     = 500 * time.Millisecond
	// openMax bounds one opening; what it has read is kept, so the next goes on from there.
	openMax = 30 * time.Second
)

// run is the lane's goroutine: it commits batch after batch until nothing waits.
func (l *lane) run() {
	for {
		l.mu.Lock()
		if l.s.life.Err() != nil || len(l.waiting) == 0 && !l.mustCheck() {
			l.running = false
			l.mu.Unlock()
			return
		}
		opened, check := l.opened, len(l.waiting) == 0
		l.mu.Unlock()
		switch {
		case l.gap != nil:
			l.abandon()
		case !opened:
			l.open()
		case l.stale():
			l.verify()
		case check:
			l.check()
		default:
			if b := l.compose(); b != nil {
				l.commit(b)
			}
		}
	}
}

// mustCheck says whether a put of unknown outcome is to be looked for. Called with mu held.
func (l *lane) mustCheck() bool { return l.opened && l.checkDue }

// check looks for a put of unknown outcome that has landed since: nobody else publishes it.
func (l *lane) check() {
	ctx, cancel := context.WithTimeout(l.s.life, l.s.o.StoreTimeout)
	defer cancel()
	_, err := l.catchUp(ctx, nil)
	if err != nil {
		l.s.o.Log.Warn("cannot look for a late write", "conversation", l.conv.String(), "error", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checkDue = false
}

// open reads the conversation and its log from the tail to the end. When it cannot, whoever waits is answered.
func (l *lane) open() {
	ctx, cancel := context.WithTimeout(l.s.life, openMax)
	defer cancel()
	b := newBackoff()
	for {
		err := l.read(ctx)
		switch {
		case err == nil:
			l.mu.Lock()
			l.opened = true
			l.mu.Unlock()
			l.s.announce(l)
			return
		case errors.Is(err, store.ErrNotFound):
			l.dissolve()
			return
		case errors.Is(err, errGap):
			return // run abandons it
		}
		if !l.dropExpired() || !sleep(ctx, b.NextBackOff()) {
			l.s.o.Log.Warn("a lane does not open", "conversation", l.conv.String(), "error", err)
			l.failAll(protocol.CodeUnavailable, "the conversation cannot be read")
			return
		}
	}
}

// read is one attempt to open. What it has read stays, so that the next goes on from there.
func (l *lane) read(ctx context.Context) error {
	if l.next == 0 {
		if err := l.readConversation(ctx); err != nil {
			return err
		}
	}
	if _, err := l.catchUp(ctx, nil); err != nil {
		return err
	}
	return l.reaches(l.floor)
}

func (l *lane) readConversation(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.s.o.StoreTimeout)
	defer cancel()
	now := l.s.now()
	l.s.knowTenant(ctx, l.conv.Tenant())
	conv, err := l.s.o.Store.Conversation(ctx, l.conv)
	if err != nil {
		return err
	}
	list, err := l.s.o.Store.Members(ctx, l.conv)
	if err != nil {
		return err
	}
	// Registered before the first append: whatever is committed here, somebody settles.
	l.s.register(ctx, l.conv)
	l.kind = conv.Kind
	l.members = newMembers(list)
	l.count = conv.TailCount
	l.window = newWindow(conv.Tail + 1)
	l.next = conv.Tail + 1
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head, l.raised, l.floor, l.marked = conv.Tail, conv.Tail, conv.Floor, now
	l.fresh = now
	l.safe, l.safeCount, l.accepted, l.acceptedCount = conv.Tail, conv.TailCount, conv.Tail, conv.TailCount
	return nil
}

// dissolve ends a lane whose conversation does not exist: nothing is kept of it.
func (l *lane) dissolve() {
	l.s.forget(l)
	l.failAll(protocol.CodeNotMember, "no such conversation, or not a member of it")
}

// failAll answers everything that waits.
func (l *lane) failAll(code protocol.Code, detail string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) > 0 {
		r := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.failLocked(r, code, detail)
	}
}

// dropExpired answers whoever waited too long. It returns false when nobody waits any more.
func (l *lane) dropExpired() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.s.now()
	for len(l.waiting) > 0 && now.After(l.waiting[0].deadline) {
		r := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.failLocked(r, protocol.CodeUnavailable, "not in time")
	}
	return len(l.waiting) > 0
}

func newBackoff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.RandomizationFactor = retryInitial, retryMax, 1
	return b
}

// sleep returns false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
