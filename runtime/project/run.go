package project

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	tailsEvery   = 5 * time.Second
	tailsPage    = 200
	tailsAtATime = 8
	tailTimeout  = 5 * time.Second

	parkedEvery   = time.Minute
	parkedPage    = 20
	parkedTimeout = time.Minute

	debtEvery   = 5 * time.Second
	debtTimeout = time.Minute

	partitionsEvery = 10 * time.Minute
)

// Run does what does not wait for records, until ctx ends. Call it once.
func (p *Projector) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { p.refresh.run(ctx) })
	wg.Go(func() { every(ctx, tailsEvery, p.raiseTails) })
	wg.Go(func() { every(ctx, parkedEvery, p.retryParked) })
	wg.Go(func() { every(ctx, debtEvery, p.payCache) })
	wg.Go(func() { every(ctx, partitionsEvery, p.keepPartitions) })
	if p.o.Tenants != nil {
		wg.Go(func() { every(ctx, historyEvery, p.forgetHistory) })
	}
	wg.Wait()
	return nil
}

// every calls f now and then about every interval, so that pods that started together do not stay together.
func every(ctx context.Context, interval time.Duration, f func(context.Context)) {
	for ctx.Err() == nil {
		f(ctx)
		timer := time.NewTimer(interval*3/4 + rand.N(interval/2))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// raiseTails raises the tail marks that are due.
func (p *Projector) raiseTails(ctx context.Context) {
	for ctx.Err() == nil {
		tails, err := p.o.Model.ClaimTails(ctx, tailsPage)
		if err != nil {
			p.warn(ctx, "tail marks were not claimed", err)
			return
		}
		var group errgroup.Group
		group.SetLimit(tailsAtATime)
		for _, t := range tails {
			group.Go(func() error { p.raiseTail(ctx, t); return nil })
		}
		_ = group.Wait() // raiseTail has logged what failed: it is due again in a minute
		if len(tails) < tailsPage {
			return
		}
	}
}

func (p *Projector) raiseTail(ctx context.Context, t readmodel.Tail) {
	ctx, cancel := context.WithTimeout(ctx, tailTimeout)
	defer cancel()
	err := p.o.Tails.RaiseTail(ctx, t.Conv, t.Head, t.Count)
	if errors.Is(err, store.ErrNotFound) {
		p.log.Warn("a conversation of the read model is not in the store", "conversation", t.Conv.String())
	} else if err != nil {
		p.warn(ctx, "tail mark was not raised", err, "conversation", t.Conv.String())
		return
	}
	if err := p.o.Model.TailRaised(ctx, t); err != nil {
		p.warn(ctx, "raised tail mark was not noted", err, "conversation", t.Conv.String())
		return
	}
	p.metrics.tails.Inc()
}

// raiseFloors tells the store how far conversations have come whose tail will not follow for now: should their log expire
// meanwhile, nobody takes it for one that ends at the tail. What fails is repeated when they are tried again.
func (p *Projector) raiseFloors(ctx context.Context, parked []readmodel.Parked) {
	for _, c := range parked {
		call, cancel := context.WithTimeout(ctx, tailTimeout)
		err := p.o.Tails.RaiseFloor(call, c.Conv, c.Reached)
		cancel()
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			p.warn(ctx, "a parked conversation's floor was not raised", err, "conversation", c.Conv.String())
		}
	}
}

// retryParked tries parked conversations again and counts those that remain.
func (p *Projector) retryParked(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, parkedTimeout)
	defer cancel()
	applied, err := p.o.Model.RetryParked(ctx, parkedPage)
	if err != nil {
		p.warn(ctx, "parked conversations were not tried again", err)
	}
	p.report(applied)
	p.raiseFloors(ctx, applied.Parked)
	p.refresh.add(applied.Summaries, applied.Users, nil)
	n, err := p.o.Model.CountParked(ctx)
	if err != nil {
		p.warn(ctx, "parked conversations were not counted", err)
		return
	}
	p.metrics.parked.Set(float64(n))
}

// payCache has the cache forget everything when it was not told of something.
func (p *Projector) payCache(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, debtTimeout)
	defer cancel()
	debt, err := p.o.Model.CacheDebt(ctx)
	if err == nil && debt > 0 {
		if err = p.o.Cache.ForgetInboxes(ctx); err == nil {
			err = p.o.Model.CachePaid(ctx, debt)
		}
		if err == nil {
			p.metrics.forgotten.Inc()
			p.log.Info("the inbox cache was away for long and has forgotten what it had")
		}
	}
	if err != nil {
		p.warn(ctx, "the inbox cache may be outdated: it has not forgotten what it had yet", err)
	}
}

// keepPartitions makes and drops the read model's months.
func (p *Projector) keepPartitions(ctx context.Context) {
	done, err := p.o.Model.KeepPartitions(ctx)
	if err != nil {
		p.metrics.upkeepFailures.Inc()
		p.warn(ctx, "the read model's partitions were not kept", err)
		return
	}
	if done.Busy {
		return
	}
	p.metrics.partitions.Set(float64(done.Partitions))
	p.metrics.stray.Set(0)
	if len(done.Created)+len(done.Dropped) > 0 {
		p.log.Info("partitions of the read model", "created", done.Created, "dropped", done.Dropped)
	}
	if done.Held {
		p.log.Info("a legal hold keeps months of the read model that are beyond the retention")
	}
	if done.Stray {
		p.metrics.stray.Set(1)
		p.log.Error("entries of the read model are of no month that is to be there: a clock is wrong; they are kept, and read, in the default partition")
	}
}

// warn logs a failure, unless it is that of a process that is stopping.
func (p *Projector) warn(ctx context.Context, what string, err error, args ...any) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		p.log.With(args...).Warn("work in the background failed and will be repeated", "what", what, "error", err)
	}
}

// rarely lets something pass once a minute.
type rarely struct {
	mu   sync.Mutex
	last time.Time
}

func (r *rarely) may(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.last) < time.Minute {
		return false
	}
	r.last = now
	return true
}
