package chat

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// errKafkaSlow stands for a publication that took longer than KafkaTimeout.
var errKafkaSlow = errors.New("kafka did not answer in time")

// publications are a lane's batches that are in the store and not yet known to be Kafka's or the outbox's. Guarded by the
// lane's mu.
type publications struct {
	out []*publication // in order
	// safe and safeCount are the seq, and the count there, up to which every entry is Kafka's or the outbox's.
	safe      uint64
	safeCount uint64
	// accepted and acceptedCount are the seq, and the count there, up to which Kafka has accepted everything for certain: the
	// tail may be raised to it. Behind a batch that the outbox took, it stays.
	accepted      uint64
	acceptedCount uint64
	outboxed      bool
	// room is closed and replaced when out gets shorter.
	room chan struct{}
}

// publication is one batch on its way to Kafka.
type publication struct {
	batch       *logpb.Batch
	first, last uint64
	count       uint64
	waiters     []waiter
	trace       string // of the first traced request that it answers
	done        bool
	owing       atomic.Bool // Kafka failed it: the outbox is asked
	timer       *time.Timer
	finished    chan struct{}
}

// waiter is a request whose answer waits for the publication.
type waiter struct {
	r *request
	p place
}

// track adds a batch that was committed. Called with mu held.
func (l *lane) track(b *logpb.Batch, waiters []waiter) *publication {
	p := &publication{
		batch: b, first: store.First(b), last: store.Last(b), count: b.GetEntries()[len(b.GetEntries())-1].GetCount(),
		waiters: waiters, finished: make(chan struct{}),
	}
	for _, w := range waiters {
		if p.trace = w.r.in.GetTraceParent(); p.trace != "" {
			break
		}
	}
	l.out = append(l.out, p)
	return p
}

// attach answers r, whose entry is at p, when that entry is safe. Called with mu held.
func (l *lane) attach(r *request, at place) {
	for _, p := range l.out {
		if at.seq >= p.first && at.seq <= p.last && !p.done {
			p.waiters = append(p.waiters, waiter{r, at})
			return
		}
	}
	l.settle(r, r.success(at))
}

// publish sends the batch on its way. It never blocks.
func (l *lane) publish(p *publication) {
	p.timer = time.AfterFunc(l.s.o.KafkaTimeout, func() { l.kafkaFailed(p, errKafkaSlow) })
	l.s.produce(p.trace, l.conv, l.kind, p.batch, func(err error) {
		p.timer.Stop()
		if err != nil {
			l.kafkaFailed(p, err)
			return
		}
		l.s.kafkaReport(nil)
		l.finish(p, true)
	})
}

// produce publishes a batch, with its trace where there is one and the publisher takes it.
func (s *Service) produce(trace string, c store.Conv, kind string, b *logpb.Batch, done func(error)) {
	if trace != "" && s.tracing != nil {
		s.tracing.PublishTraced(trace, c, kind, b, done)
		return
	}
	s.o.Publisher.PublishBatch(c, kind, b, done)
}

// kafkaFailed turns to the outbox, once per publication.
func (l *lane) kafkaFailed(p *publication, err error) {
	if !p.owing.CompareAndSwap(false, true) {
		return
	}
	l.s.kafkaReport(err)
	l.s.tasks.Go(func() { l.owe(p) })
}

// finish says that the batch is Kafka's (accepted) or the outbox's, and answers who waited for that.
func (l *lane) finish(p *publication, accepted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.done {
		return
	}
	p.done = true
	close(p.finished)
	if !accepted {
		l.outboxed = true
	}
	n := 0
	for ; n < len(l.out) && l.out[n].done; n++ {
		l.safe, l.safeCount = l.out[n].last, l.out[n].count
		if !l.outboxed {
			l.accepted, l.acceptedCount = l.out[n].last, l.out[n].count
		}
	}
	if n > 0 {
		l.out = l.out[n:]
		close(l.room)
		l.room = make(chan struct{})
	}
	for _, w := range p.waiters {
		l.settle(w.r, w.r.success(w.p))
	}
	p.waiters = nil
}

// expire answers the waiters whose time is up: their entry is in the log, but not yet safe.
func (l *lane) expire(p *publication, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := p.waiters[:0]
	for _, w := range p.waiters {
		if now.After(w.r.deadline) {
			l.failLocked(w.r, protocol.CodeUnavailable, "stored, not yet safe")
			continue
		}
		kept = append(kept, w)
	}
	p.waiters = kept
}

// owe marks the stored batch as owed to Kafka, and goes on until that, or Kafka, has worked. It ends with the service too:
// who opens the lane next publishes what is after the tail.
func (l *lane) owe(p *publication) {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 50*time.Millisecond, 5*time.Second
	for {
		err := l.mark(p)
		if err == nil {
			l.s.owed(l.conv)
			l.finish(p, false)
			return
		}
		if l.s.life.Err() != nil {
			return
		}
		l.s.o.Log.Warn("a batch is neither with Kafka nor in the outbox yet", "conversation", l.conv.String(), "first", p.first, "error", err)
		l.expire(p, l.s.now())
		if l.s.breaker.allow() {
			l.s.produce(p.trace, l.conv, l.kind, p.batch, func(err error) {
				l.s.kafkaReport(err)
				if err == nil {
					l.finish(p, true)
				}
			})
		}
		t := time.NewTimer(b.NextBackOff())
		select {
		case <-p.finished:
			t.Stop()
			return
		case <-l.s.life.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// mark asks the store, few at a time: when Kafka goes away, every lane comes at once.
func (l *lane) mark(p *publication) error {
	ctx, cancel := context.WithTimeout(l.s.life, l.s.o.StoreTimeout)
	defer cancel()
	if err := l.s.marking.Acquire(ctx, 1); err != nil {
		return err
	}
	defer l.s.marking.Release(1)
	return l.s.o.Store.MarkOutbox(ctx, l.conv, p.first)
}

// awaitRoom returns when at most n batches are on their way.
func (l *lane) awaitRoom(ctx context.Context, n int) error {
	for {
		l.mu.Lock()
		got, room := len(l.out), l.room
		l.mu.Unlock()
		if got <= n {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
