package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// readPage is how many batches one read asks for.
	readPage = 64
	// maxRepublish is how many batches found in the store are on their way to Kafka at a time, beside those just committed.
	maxRepublish = 64
)

// catchUp reads from the lane's end of the log to the real one, and takes over what it finds: it counts, is delivered and
// published again. mine, if not nil, is the lane's own batch whose put had no certain outcome; with landed true it was found,
// and its requests have been taken care of.
func (l *lane) catchUp(ctx context.Context, mine *composed) (landed bool, err error) {
	start := l.s.now()
	defer func() {
		switch {
		case errors.Is(err, errGap):
			l.gap = err
		case err == nil && !l.stale():
			l.fresh = start
		}
	}()
	for {
		if err := l.awaitRoom(ctx, l.maxOut()); err != nil {
			return landed, err
		}
		l.dropExpired()
		page, err := l.readPage(ctx)
		if err != nil {
			return landed, err
		}
		if len(page) == 0 {
			return landed, nil
		}
		before := l.next
		for _, st := range page {
			if store.Last(st.Batch) < l.next {
				continue
			}
			if store.First(st.Batch) > l.next {
				return landed, fmt.Errorf("%w: nothing at %d, the next batch starts at %d", errGap, l.next, store.First(st.Batch))
			}
			var waiters []waiter
			if mine != nil && string(st.Batch.GetId()) == string(mine.batch.GetId()) {
				landed, waiters = true, mine.waiters()
			}
			how := askBreaker
			if st.Outbox {
				how = inOutbox
			}
			l.adopt(st.Batch, how, waiters) //nolint:contextcheck // a publication outlives the call: it lives as long as the service
		}
		if l.next == before {
			return landed, nil
		}
	}
}

// maxOut bounds the batches on their way: those of requests that were not answered yet, and those found in the store.
func (l *lane) maxOut() int { return l.s.o.LaneSlots + maxRepublish }

func (l *lane) readPage(ctx context.Context) ([]store.Stored, error) {
	ctx, cancel := context.WithTimeout(ctx, l.s.o.StoreTimeout)
	defer cancel()
	return l.s.o.Store.Read(ctx, l.conv, l.next, readPage)
}

// route is how a batch gets to Kafka.
type route int

const (
	// toKafka: the breaker has let it through.
	toKafka route = iota
	// inOutbox: the store holds it with the mark.
	inOutbox
	// askBreaker: to Kafka if the breaker lets it through, else to the outbox.
	askBreaker
)

// freshFor is how old a batch may be to be delivered when it is found in the store: older ones heal by heads.
const freshFor = 5 * time.Minute

// adopt takes a batch over that is in the store at the lane's end, and sends it on its way: to the gateways at once, to
// Kafka unless it is in the outbox.
func (l *lane) adopt(b *logpb.Batch, how route, waiters []waiter) {
	var joined []string
	for _, e := range b.GetEntries() {
		if e.GetSeq() < l.next {
			continue
		}
		if e.GetMessage() == nil {
			joined = append(joined, l.members.apply(e)...)
			l.targets.apply(e)
		}
		l.window.add(e)
		l.lastAt = max(l.lastAt, e.GetAtMs())
		l.count = e.GetCount()
	}
	l.next = store.Last(b) + 1

	l.mu.Lock()
	now := l.s.now()
	l.head, l.touched = l.next-1, now
	for _, u := range joined {
		l.joined = append(l.joined, arrival{u, now})
	}
	p := l.track(b, waiters)
	l.mu.Unlock()

	if now.Sub(time.UnixMilli(l.lastAt)) < freshFor {
		l.heard(b)
		l.audience.deliver(b)
	} else {
		l.placed = false
	}
	switch {
	case how == inOutbox:
		l.s.owed(l.conv)
		l.finish(p, false)
	case how == toKafka || l.s.breaker.allow():
		l.publish(p)
	default:
		p.owing.Store(true)
		l.s.tasks.Go(func() { l.owe(p) })
	}
}

// reach extends the window back to seq from, as far as the store has it. It returns false when the store lacks part of that.
func (l *lane) reach(ctx context.Context, from uint64) (complete bool, err error) {
	var found []*logpb.Entry
	for at := from; at < l.window.from; {
		page, err := l.s.o.Store.Read(ctx, l.conv, at, readPage)
		if err != nil {
			return false, err
		}
		if len(page) == 0 {
			// Nothing in the rest of this bucket: it has expired, or ends here.
			at = store.BucketEnd(at) + 1
			continue
		}
		for _, st := range page {
			for _, e := range st.Batch.GetEntries() {
				if e.GetSeq() >= at && e.GetSeq() < l.window.from {
					found = append(found, e)
				}
			}
		}
		at = max(at, store.Last(page[len(page)-1].Batch)) + 1
	}
	// What is usable is the run that ends where the window starts.
	run := len(found)
	for want := l.window.from - 1; run > 0 && found[run-1].GetSeq() == want; run-- {
		want--
	}
	l.window.prepend(found[run:])
	return l.window.from <= from, nil
}
