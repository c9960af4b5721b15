package project

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	refreshChunk = 500
	refreshRetry = 100 * time.Millisecond
	refreshMax   = 5 * time.Second
	// refreshLast bounds the last attempt when the process ends.
	refreshLast = 2 * time.Second
	// refreshAge is how long records wait for the cache. After that it is owed to forget all that it has, and they are done.
	refreshAge = 30 * time.Second
	// oweTimeout bounds the noting of that.
	oweTimeout = 5 * time.Second
)

// refresher tells the cache what has changed. What is told is merged: of a busy conversation only the newest summary is written.
type refresher struct {
	cache   Cache
	owe     func(context.Context) error
	log     *slog.Logger
	metrics *metrics
	wake    chan struct{}

	mu      sync.Mutex
	pending news
}

// news is what the cache has not been told yet.
type news struct {
	summaries map[store.Conv]readmodel.Summary
	users     map[store.User]struct{}
	done      []waiting
}

type waiting struct {
	since time.Time
	done  func()
}

func newRefresher(c Cache, owe func(context.Context) error, log *slog.Logger, m *metrics) *refresher {
	return &refresher{cache: c, owe: owe, log: log, metrics: m, wake: make(chan struct{}, 1), pending: emptyNews()}
}

func emptyNews() news {
	return news{summaries: map[store.Conv]readmodel.Summary{}, users: map[store.User]struct{}{}}
}

// merge adds what came later.
func (n *news) merge(m news) {
	for c, s := range m.summaries {
		if old, ok := n.summaries[c]; !ok || old.Head < s.Head {
			n.summaries[c] = s
		}
	}
	for u := range m.users {
		n.users[u] = struct{}{}
	}
	n.done = append(n.done, m.done...)
}

// add takes what the model has committed. done is called once the cache knows, or need not know any more.
func (r *refresher) add(summaries []readmodel.Summary, users []store.User, done func()) {
	n := emptyNews()
	for _, s := range summaries {
		if old, ok := n.summaries[s.Conv]; s.Head > 0 && (!ok || old.Head < s.Head) {
			n.summaries[s.Conv] = s
		}
	}
	for _, u := range users {
		n.users[u] = struct{}{}
	}
	if done != nil {
		n.done = []waiting{{time.Now(), done}}
	}
	r.mu.Lock()
	r.pending.merge(n)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *refresher) take() news {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.pending
	r.pending = emptyNews()
	return n
}

// run tells the cache until ctx ends, and once more after that.
func (r *refresher) run(ctx context.Context) {
	delay := refreshRetry
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshLast)
			defer cancel()
			r.flush(last)
			return
		case <-r.wake:
		}
		if r.flush(ctx) {
			delay = refreshRetry
			continue
		}
		timer := time.NewTimer(delay/2 + rand.N(delay/2))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		delay = min(2*delay, refreshMax)
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// flush tells the cache all there is. What fails is kept, and is tried again with what has come meanwhile.
func (r *refresher) flush(ctx context.Context) bool {
	n := r.take()
	err := r.tell(ctx, n)
	if err == nil {
		for _, w := range n.done {
			w.done()
		}
		return true
	}
	r.metrics.refreshFailures.Inc()
	r.log.Warn("the inbox cache is behind and will be told again", "summaries", len(n.summaries), "lists", len(n.users), "error", err)
	if len(n.done) > 0 && time.Since(n.done[0].since) > refreshAge && r.giveUp(ctx) {
		for _, w := range n.done {
			w.done()
		}
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n.merge(r.pending)
	r.pending = n
	return false
}

// giveUp says whether the cache need not be told any more what is there now: it will forget all that it has.
func (r *refresher) giveUp(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, oweTimeout)
	defer cancel()
	if err := r.owe(ctx); err != nil {
		r.log.Warn("records wait for the inbox cache: it was not noted that it is owed", "error", err)
		return false
	}
	return true
}

func (r *refresher) tell(ctx context.Context, n news) error {
	// Lists first: a reader with a new summary and an old list would count what its user said as unread.
	users := slices.Collect(maps.Keys(n.users))
	for chunk := range slices.Chunk(users, refreshChunk) {
		if err := r.cache.DropList(ctx, chunk...); err != nil {
			return err
		}
	}
	summaries := make([]cache.Summary, 0, len(n.summaries))
	for _, s := range n.summaries {
		summaries = append(summaries, cache.Summary{Conv: s.Conv, Seq: s.Head, Data: s.Encode()})
	}
	for chunk := range slices.Chunk(summaries, refreshChunk) {
		if err := r.cache.PutSummaries(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}
