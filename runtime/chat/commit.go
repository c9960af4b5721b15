package chat

import (
	"context"
	"errors"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// commit puts the batch until it is certain what became of it, or its time is up.
func (l *lane) commit(c *composed) {
	outbox := !l.s.breaker.allow()
	b := newBackoff()
	for {
		start := l.s.now()
		err := l.put(c, outbox)
		if err == nil {
			l.fresh = start
			l.s.metrics.batch(len(c.batch.Entries))
			how := toKafka
			if outbox {
				how = inOutbox
			}
			l.adopt(c.batch, how, c.waiters())
			return
		}
		if errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrInvalidID) {
			l.s.o.Log.Error("the store refuses a batch", "conversation", l.conv.String(), "error", err)
			l.giveUp(c, protocol.CodeInternal, "the message cannot be stored")
			return
		}
		if errors.Is(err, store.ErrTaken) {
			l.s.metrics.lost.Inc()
		} else {
			l.s.metrics.unknown.Inc()
		}
		was := l.next
		ctx, cancel := context.WithDeadline(l.s.life, c.deadline)
		landed, rerr := l.catchUp(ctx, c)
		if landed {
			cancel()
			return
		}
		if l.next != was {
			// The key is somebody else's for good. Everything is checked again, as of the new end.
			cancel()
			l.requeue(c)
			return
		}
		if !sleep(ctx, b.NextBackOff()) {
			cancel()
			l.s.o.Log.Warn("the outcome of a write is unknown", "conversation", l.conv.String(), "seq", l.next, "error", errors.Join(err, rerr))
			l.mu.Lock()
			l.unsettled = l.s.now().Add(settleFor)
			l.mu.Unlock()
			l.giveUp(c, protocol.CodeUnavailable, "the outcome is not known")
			return
		}
		cancel()
	}
}

// put is one attempt. Repeating it with the same batch is harmless: the key is the same.
func (l *lane) put(c *composed, outbox bool) (err error) {
	ctx, cancel := context.WithTimeout(l.s.life, l.s.o.StoreTimeout)
	defer cancel()
	ctx, cancelDeadline := context.WithDeadline(ctx, c.deadline)
	defer cancelDeadline()
	o := store.AppendOptions{Outbox: outbox, ExpiresAt: l.s.expiry(l.conv.Tenant())}
	ctx, span := l.s.traced(ctx, c)
	defer func() { endTraced(span, err) }()
	start := l.s.now()
	defer func() { l.s.metrics.seconds.Observe(l.s.now().Sub(start).Seconds()) }()
	if c.alone {
		return l.s.o.Store.ChangeMembers(ctx, l.conv, c.batch, c.changes, o)
	}
	return l.s.o.Store.Append(ctx, l.conv, c.batch, o)
}

// requeue puts the batch's requests back to the front, in order.
func (l *lane) requeue(c *composed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	front := make([]*request, 0, len(c.requests)+len(l.waiting))
	for _, r := range c.requests {
		if r.result == nil {
			front = append(front, r)
		}
	}
	l.waiting = append(front, l.waiting...)
}

func (l *lane) giveUp(c *composed, code protocol.Code, detail string) {
	for _, r := range c.requests {
		l.fail(r, code, detail)
	}
}
