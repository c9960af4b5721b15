package lanes

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	// DefaultPatience is how long a pass may take in the quick lane. A first pass, which creates everything, takes about a second.
	DefaultPatience = 3 * time.Second
	// slowPlaces are the slow lane's places for each of the quick lane's: a pass that hangs costs little.
	slowPlaces = 4
	// tooSlow is how many patiences a pass takes that hangs; one that takes less is working hard.
	tooSlow = 2
	// longest is for how long, at most, somebody slow is kept out of the quick lane.
	longest = 10 * time.Minute
)

// errCut is why a pass was cut short.
var errCut = errors.New("took too long while many others did")

// Who names whom a pass is for, as far as slowness goes: passes for the same one are slow together.
type Who func(context.Context, reconcile.Request) string

// Lanes is a Reconciler that runs another's passes. Make it with New.
type Lanes struct {
	inner       reconcile.Reconciler
	who         Who
	patience    time.Duration
	quick, slow chan struct{}

	mu    sync.Mutex
	slugs map[string]slug
}

// slug is somebody whose last passes hung.
type slug struct {
	times int
	// until is when it may try the quick lane again.
	until time.Time
}

// New returns lanes with so many places in the quick one. patience is the default when 0.
func New(inner reconcile.Reconciler, places int, patience time.Duration, who Who) *Lanes {
	if patience <= 0 {
		patience = DefaultPatience
	}
	return &Lanes{
		inner: inner, who: who, patience: patience, slugs: map[string]slug{},
		quick: make(chan struct{}, places), slow: make(chan struct{}, places*slowPlaces),
	}
}

// Workers is how many passes may run at once in both lanes: what the controller's MaxConcurrentReconciles has to be.
func (l *Lanes) Workers() int { return cap(l.quick) + cap(l.slow) }

// Reconcile makes one pass. One that is cut short finds its context canceled with a cause of its own, which is not
// context.Canceled.
func (l *Lanes) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	who := l.who(ctx, req)
	lane, after, err := l.enter(ctx, who)
	if lane == nil {
		return reconcile.Result{RequeueAfter: after}, err
	}
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	done := make(chan struct{})
	var beside sync.WaitGroup
	if lane == l.quick {
		beside.Go(func() { lane = l.demote(done, cut) })
	}
	start := time.Now()
	// Whatever becomes of the pass, its place is another's.
	defer func() {
		close(done)
		beside.Wait()
		<-lane
		l.note(who, time.Since(start) >= tooSlow*l.patience)
	}()
	return l.inner.Reconcile(ctx, req)
}

// enter waits for a place in a lane. lane is nil where there is none: whoever hangs comes back after a while.
func (l *Lanes) enter(ctx context.Context, who string) (lane chan struct{}, after time.Duration, err error) {
	if wait := l.keptOut(who); wait > 0 {
		select {
		case l.slow <- struct{}{}:
			return l.slow, 0, nil
		default:
			return nil, min(wait, l.patience+rand.N(l.patience)), nil
		}
	}
	select {
	case l.quick <- struct{}{}:
		return l.quick, 0, nil
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
}

// demote waits until a pass in the quick lane is done, or moves it to the slow lane when it takes long, or cuts it short. It
// returns the lane that the pass is in at last.
func (l *Lanes) demote(done <-chan struct{}, cut context.CancelCauseFunc) chan struct{} {
	timer := time.NewTimer(l.patience)
	defer timer.Stop()
	select {
	case <-done:
		return l.quick
	case <-timer.C:
	}
	timer.Reset((tooSlow - 1) * l.patience)
	select {
	case <-done:
		return l.quick
	case l.slow <- struct{}{}:
		<-l.quick
		return l.slow
	case <-timer.C:
		cut(errCut)
		return l.quick
	}
}

// keptOut is for how long somebody is kept out of the quick lane, zero for not at all.
func (l *Lanes) keptOut(who string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.slugs[who]; ok {
		return time.Until(s.until)
	}
	return 0
}

// note remembers whether a pass hung: each time in a row keeps out of the quick lane for twice as long.
func (l *Lanes) note(who string, hung bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !hung {
		delete(l.slugs, who)
		return
	}
	times := l.slugs[who].times + 1
	l.slugs[who] = slug{times: times, until: time.Now().Add(min(l.patience<<min(times, 16), longest))}
}
