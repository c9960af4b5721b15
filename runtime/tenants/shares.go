package tenants

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// DefaultShareEvery is how often pods tell each other of their use.
const DefaultShareEvery = 2 * time.Second

// Board is where pods tell each other of their use: package cache has one. It may forget everything at any moment.
type Board interface {
	// ShareUse tells of this pod's use of what is counted, and returns the others', for each tenant.
	ShareUse(ctx context.Context, what, pod string, use map[store.Tenant]int64) (map[store.Tenant]cache.Use, error)
}

// SharesOptions of Shares. Pod, What and Mine are required.
type SharesOptions struct {
	// Board may be nil: then nobody knows of others.
	Board Board
	// Pod is this pod's name, What is counted.
	Pod, What string
	// Mine returns this pod's use by tenant, those with a quota alone, in a map of its own. It is called by Run every Every.
	Mine  func() map[store.Tenant]int64
	Every time.Duration
	Log   *slog.Logger
}

// Shares knows what is left of tenants' quotas for this pod.
type Shares struct {
	o SharesOptions
	// shown is what was told last. Run's own.
	shown map[store.Tenant]int64

	mu     sync.Mutex
	others map[store.Tenant]cache.Use
}

// NewShares returns shares that know of nobody yet.
func NewShares(o SharesOptions) (*Shares, error) {
	if o.Pod == "" || o.What == "" || o.Mine == nil {
		return nil, errors.New("tenants: pod, what and mine are required")
	}
	if o.Every <= 0 {
		o.Every = DefaultShareEvery
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Shares{o: o}, nil
}

// Run tells and learns until ctx ends, and returns nil.
func (s *Shares) Run(ctx context.Context) error {
	tick := time.NewTicker(s.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.Exchange(ctx)
		}
	}
}

// Exchange tells and learns once. What the others see is not known where the cache is away: then each gives all of a quota.
func (s *Shares) Exchange(ctx context.Context) {
	mine := s.o.Mine()
	if mine == nil {
		mine = map[store.Tenant]int64{}
	}
	shown := maps.Clone(mine)
	for t, n := range s.shown {
		if _, still := mine[t]; n > 0 && !still {
			mine[t] = 0 // or it would count for a while
		}
	}
	s.shown = shown
	var others map[store.Tenant]cache.Use
	if s.o.Board != nil && len(mine) > 0 {
		var err error
		if others, err = s.o.Board.ShareUse(ctx, s.o.What, s.o.Pod, mine); err != nil && ctx.Err() == nil {
			s.o.Log.WarnContext(ctx, "tenants' use is not shared: each pod gives the whole of their quotas", "what", s.o.What, "error", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others = others
}

// Left returns what this pod may give of a quota: what the others leave, and never less than an equal part, at least one.
func (s *Shares) Left(t store.Tenant, quota int) int {
	s.mu.Lock()
	use := s.others[t]
	s.mu.Unlock()
	part := max(quota/(use.Pods+1), 1)
	return max(quota-int(min(use.Total, int64(quota))), part)
}
