package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	markWorkers    = 8
	storeFlushes   = 16
	markTimeout    = 5 * time.Second
	markSweepEvery = time.Second
	// maxMarkTries is how often a mark is tried to be written; the client repeats its marks when it resumes.
	maxMarkTries = 10
	// maxPublishTries is how often Kafka is asked to take a read mark, as often as marks are stored: two hours.
	maxPublishTries = 120
)

// markKey names a device's mark in a conversation.
type markKey struct {
	user   store.User
	conv   store.Conv
	device string
}

// mark is what is known of a mark, and who knows it.
type mark struct {
	delivered, read             uint64
	cachedDelivered, cachedRead uint64
	storedDelivered, storedRead uint64
	publishedRead               uint64
	queued                      bool // waits for the cache and Kafka
	storing                     bool
	storeAt                     time.Time
	tries                       int
	publishTries                int
}

func (m *mark) stored() bool { return m.delivered <= m.storedDelivered && m.read <= m.storedRead }

// clean says that nobody need be told anything. The store's flush is the second chance of what Kafka did not take.
func (m *mark) clean() bool {
	return !m.queued && !m.storing && m.stored() && m.read <= m.publishedRead
}

// markTable holds the marks that are not everywhere yet: in Redis at once, in the store at most once in flushEvery.
type markTable struct {
	g *Gateway

	mu    sync.Mutex
	marks map[markKey]*mark
	queue []markKey
	wake  chan struct{}
}

func newMarkTable(g *Gateway) *markTable {
	return &markTable{g: g, marks: map[markKey]*mark{}, wake: make(chan struct{}, 1)}
}

// raise notes marks; what is lower than what is known changes nothing.
func (t *markTable) raise(u store.User, v store.Conv, device string, delivered, read uint64) {
	k := markKey{user: u, conv: v, device: device}
	t.mu.Lock()
	m := t.marks[k]
	if m == nil {
		every := t.g.o.Limits.MarkFlushEvery
		m = &mark{storeAt: time.Now().Add(every/2 + rand.N(every/2))}
		t.marks[k] = m
	}
	if delivered > m.delivered || read > m.read {
		m.delivered, m.read = max(m.delivered, delivered), max(m.read, read)
		if !m.queued {
			m.queued = true
			t.queue = append(t.queue, k)
		}
	}
	t.mu.Unlock()
	t.nudge()
}

// raiseStored is raise of marks that the store has.
func (t *markTable) raiseStored(u store.User, v store.Conv, device string, delivered, read uint64) {
	t.raise(u, v, device, delivered, read)
	t.update(markKey{user: u, conv: v, device: device}, func(m *mark) {
		m.storedDelivered, m.storedRead = max(m.storedDelivered, delivered), max(m.storedRead, read)
	})
}

func (t *markTable) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// flushDevice has the marks of a connection that ended written at the next sweep.
func (t *markTable) flushDevice(u store.User, device string, convs []store.Conv) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, v := range convs {
		if m := t.marks[markKey{user: u, conv: v, device: device}]; m != nil {
			m.storeAt = time.Time{}
		}
	}
}

// run tells the cache and Kafka at once and the store from time to time, until ctx ends. What is left then is flushAll's.
func (t *markTable) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for range markWorkers {
		wg.Go(func() { t.announceLoop(ctx) })
	}
	sweep := time.NewTicker(markSweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-sweep.C:
			t.storeDue(ctx, now)
		}
	}
}

func (t *markTable) announceLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		for ctx.Err() == nil && t.announceNext(ctx) {
		}
	}
}

// announceNext tells the cache and Kafka of one mark. False: none waits.
func (t *markTable) announceNext(ctx context.Context) bool {
	t.mu.Lock()
	if len(t.queue) == 0 {
		t.queue = nil
		t.mu.Unlock()
		return false
	}
	k := t.queue[0]
	t.queue = t.queue[1:]
	more := len(t.queue) > 0
	m := t.marks[k]
	m.queued = false
	delivered, read := m.delivered, m.read
	tellCache := delivered > m.cachedDelivered || read > m.cachedRead
	tellKafka := read > m.publishedRead
	t.mu.Unlock()
	if more {
		t.nudge() // another worker may take it meanwhile
	}
	if tellCache {
		ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
		err := t.g.o.Marks.RaiseMarks(ctx, k.user, k.conv, k.device, delivered, read)
		cancel()
		if err != nil {
			// Without the cache the store's copy, at most a minute older, decides.
			t.g.m.cacheErrors.Inc()
		} else {
			t.update(k, func(m *mark) {
				m.cachedDelivered, m.cachedRead = max(m.cachedDelivered, delivered), max(m.cachedRead, read)
			})
		}
	}
	if tellKafka {
		t.publish(k, read)
	}
	return true
}

func (t *markTable) publish(k markKey, read uint64) {
	t.g.o.MarkLog.PublishMark(k.user, k.conv, read, func(err error) {
		if err != nil {
			t.g.m.publishErrors.Inc()
			return
		}
		t.update(k, func(m *mark) { m.publishedRead = max(m.publishedRead, read) })
	})
}

func (t *markTable) update(k markKey, f func(*mark)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.marks[k]; m != nil {
		f(m)
		t.drop(k, m)
	}
}

// drop forgets a mark that everybody knows. One whose time has not come stays, so that the next raise does not write at once.
func (t *markTable) drop(k markKey, m *mark) {
	if m.clean() && time.Now().After(m.storeAt) {
		delete(t.marks, k)
	}
}

// due returns the marks whose time has come and notes that they are being stored.
func (t *markTable) due(now time.Time) []markKey {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []markKey
	for k, m := range t.marks {
		switch {
		case now.Before(m.storeAt) || m.storing:
		case m.clean():
			delete(t.marks, k)
		default:
			m.storing = true
			out = append(out, k)
		}
	}
	return out
}

func (t *markTable) storeDue(ctx context.Context, now time.Time) {
	var group errgroup.Group
	group.SetLimit(storeFlushes)
	for _, k := range t.due(now) {
		group.Go(func() error { t.store(ctx, k); return nil })
	}
	_ = group.Wait()
}

// store writes one mark, and publishes again what Kafka did not take.
func (t *markTable) store(ctx context.Context, k markKey) {
	t.mu.Lock()
	m := t.marks[k]
	delivered, read := m.delivered, m.read
	needDelivered, needRead, needPublish := delivered > m.storedDelivered, read > m.storedRead, read > m.publishedRead
	t.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	var errs [2]error
	if needDelivered {
		errs[0] = t.g.o.Store.RaiseDelivered(ctx, k.user, k.conv, k.device, delivered)
	}
	if needRead {
		errs[1] = t.g.o.Store.RaiseRead(ctx, k.user, k.conv, read)
	}
	if needPublish {
		t.publish(k, read)
	}
	err := errors.Join(errs[:]...)
	lost := false
	t.update(k, func(m *mark) {
		m.storing = false
		if needPublish {
			if m.publishTries++; m.publishTries > maxPublishTries {
				// The store has it; the read model learns of it with the next one.
				m.publishTries, m.publishedRead = 0, read
			}
		}
		every := t.g.o.Limits.MarkFlushEvery
		switch {
		case err == nil:
			m.storedDelivered, m.storedRead = max(m.storedDelivered, delivered), max(m.storedRead, read)
			m.tries = 0
			// Marks that rose meanwhile, of a device that is gone, do not wait.
			if m.stored() || !m.storeAt.IsZero() {
				m.storeAt = time.Now().Add(every + rand.N(every/4+1))
			}
		case errors.Is(err, store.ErrNotFound) || m.tries >= maxMarkTries:
			lost = !errors.Is(err, store.ErrNotFound)
			m.delivered, m.read = m.storedDelivered, m.storedRead
			m.storeAt = time.Time{}
		default:
			m.tries++
			m.storeAt = time.Now().Add(time.Second<<min(m.tries, 5)/2 + rand.N(time.Second))
		}
	})
	if lost {
		t.g.m.marksLost.Inc()
		t.g.log.Error("a mark could not be stored", "conversation", k.conv.String(), "user", k.user.String(), "error", err)
	}
}

// flushAll writes every mark, once more each until ctx ends.
func (t *markTable) flushAll(ctx context.Context) {
	for ctx.Err() == nil {
		t.mu.Lock()
		left := 0
		for _, m := range t.marks {
			if !m.stored() {
				m.storeAt = time.Time{}
				left++
			}
		}
		t.mu.Unlock()
		if left == 0 {
			return
		}
		t.storeDue(ctx, time.Now())
	}
	if n := t.unstored(); n > 0 {
		t.g.log.Warn("marks were not stored before the end", "marks", n)
	}
}

func (t *markTable) unstored() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, m := range t.marks {
		if !m.stored() {
			n++
		}
	}
	return n
}
