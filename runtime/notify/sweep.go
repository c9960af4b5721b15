package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// sweepPage is how many deferred pushes are looked at together.
	sweepPage = 100
	// sweepShards is how many shards are looked after at once.
	sweepShards = 8
	// sweepClaim is for how long a shard is claimed while it is looked after.
	sweepClaim = 2 * time.Minute
)

// sweeps looks after the deferred pushes until ctx ends.
func (n *Notifier) sweeps(ctx context.Context) {
	for ctx.Err() == nil {
		shards, wait := n.rota.take(time.Now())
		if len(shards) == 0 {
			t := time.NewTimer(wait)
			select {
			case <-ctx.Done():
			case <-n.rota.wake:
			case <-t.C:
			}
			t.Stop()
			continue
		}
		rand.Shuffle(len(shards), func(i, j int) { shards[i], shards[j] = shards[j], shards[i] })
		var group errgroup.Group
		group.SetLimit(sweepShards)
		for _, shard := range shards {
			group.Go(func() error {
				n.sweep(ctx, shard)
				return nil
			})
		}
		_ = group.Wait() // failures are counted
	}
}

// sweep pushes what is due of a shard, unless another pod is at it or has just been: then it comes again. The claim only saves work: two
// pods that sweep the same shard push twice, with the same collapse id.
func (n *Notifier) sweep(ctx context.Context, shard int) {
	name := strconv.Itoa(shard)
	claimed, err := n.o.Cache.ClaimSweep(ctx, name, n.o.Pod, sweepClaim)
	if err == nil && !claimed {
		n.rota.at(shard, time.Now())
		return
	}
	for more := true; more && ctx.Err() == nil; {
		if more, err = n.sweepPage(ctx, shard); err != nil && ctx.Err() == nil {
			n.metrics.sweepFailures.Inc()
			n.o.Log.Warn("deferred pushes will be looked at again", "shard", shard, "error", err)
		}
	}
	_, _ = n.o.Cache.ClaimSweep(ctx, name, n.o.Pod, n.o.Sweep/2) // it lapses by itself
}

// sweepPage pushes what is due of the shard's first page, and sees to it that the shard is looked at when the rest is. It says whether
// there may be more that is due.
func (n *Notifier) sweepPage(ctx context.Context, shard int) (more bool, err error) {
	now := time.Now()
	page, err := n.o.Store.Deferred(ctx, shard, now.Add(n.rota.horizon()), sweepPage)
	if err != nil {
		n.rota.at(shard, now)
		return false, err
	}
	due := slices.IndexFunc(page, func(d store.Deferral) bool { return d.Due.After(now) })
	if due < 0 {
		due = len(page)
	} else {
		n.rota.at(shard, page[due].Due)
	}
	if due == 0 {
		return false, nil
	}
	if err := n.pushDeferred(ctx, page[:due]); err != nil {
		n.rota.at(shard, now)
		return false, err
	}
	return due == sweepPage, nil
}

// deferred is a deferred push that is due.
type deferred struct {
	store.Deferral
	outgoing
	// alone is true when the user has no other device that takes pushes.
	alone bool
}

// pushDeferred pushes what is owed of a page. Each of them is pushed, put off again or removed; the error is the store's.
func (n *Notifier) pushDeferred(ctx context.Context, page []store.Deferral) error {
	ctx, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	weight := int64(min(len(page), chunkReaders, n.o.Members))
	if err := n.members.Acquire(ctx, weight); err != nil {
		return err
	}
	defer n.members.Release(weight)
	var (
		mu    sync.Mutex
		due   []deferred
		group errgroup.Group
	)
	group.SetLimit(chunkReaders)
	for _, d := range page {
		group.Go(func() error {
			x, ok, err := n.owedLater(ctx, d)
			if ok {
				mu.Lock()
				defer mu.Unlock()
				due = append(due, x)
			}
			return err
		})
	}
	failed := group.Wait()
	if len(due) == 0 {
		return failed
	}
	n.badgeDeferred(ctx, due)
	out := make([]outgoing, len(due))
	for i, x := range due {
		out[i] = x.outgoing
	}
	for i, r := range n.send(ctx, out) {
		if err := n.settleDeferred(ctx, due[i], r); err != nil {
			failed = err
		}
	}
	return failed
}

// owedLater finds what a deferred push is by now. ok is false when it is settled or put off again.
func (n *Notifier) owedLater(ctx context.Context, d store.Deferral) (x deferred, ok bool, err error) {
	devices, err := n.o.Store.Devices(ctx, d.User)
	if err != nil {
		return x, false, err
	}
	var device store.Device
	capable := 0
	for _, candidate := range devices {
		if n.takesPushes(candidate) {
			capable++
			if candidate.ID == d.Device {
				device = candidate
			}
		}
	}
	if device.ID == "" {
		return x, false, n.o.Store.RemoveDeferral(ctx, d)
	}
	stored, err := n.o.Store.Membership(ctx, d.User, d.Conv)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && stored.Left != 0:
		n.metrics.suppressed.WithLabelValues(becauseLeft).Inc()
		return x, false, n.o.Store.RemoveDeferral(ctx, d)
	case err != nil:
		return x, false, err
	case stored.MutedUntil.After(time.Now()):
		n.metrics.suppressed.WithLabelValues(becauseMuted).Inc()
		return x, false, n.o.Store.RemoveDeferral(ctx, d)
	}
	if end, quiet := quietUntil(device.Preferences, time.Now()); quiet {
		again := d
		again.Due = end
		return x, false, n.move(ctx, d, again, becauseQuiet)
	}
	m := &member{Member: store.Member{User: d.User, Joined: stored.Joined}}
	fast := n.fastMarks(ctx, d.Conv, []*member{m})[0]
	floor, since := seen(device, merge(store.Membership{Read: fast.Read, Delivered: fast.Delivered}, stored))
	from := max(floor+1, stored.Joined)
	start := from
	if d.Seq > tailSeqs {
		start = max(start, d.Seq-tailSeqs)
	}
	h, err := n.readLog(ctx, d.Conv, start, d.Seq, true)
	if err != nil {
		return x, false, err
	}
	p := owed{device: device, unseen: h.unseen(d.User, stored.Joined, floor, since), more: h.cut(from, since)}
	if len(p.unseen) == 0 {
		return x, false, n.o.Store.RemoveDeferral(ctx, d)
	}
	if !d.Reserved {
		if wait, reserved := n.reserve(ctx, d.User); wait > 0 {
			again := d
			again.Due, again.Reserved = time.Now().Add(wait), reserved
			return x, false, n.move(ctx, d, again, becauseRate)
		}
	}
	c, err := n.o.Store.Conversation(ctx, d.Conv)
	if err != nil {
		return x, false, err
	}
	title := ""
	if c.Kind == store.Group {
		title = c.Title
	}
	x = deferred{Deferral: d, outgoing: outgoing{user: d.User, owed: p, message: n.compose(d.Conv, c.Kind, title, p)}, alone: capable == 1}
	return x, true, nil
}

// badgeDeferred fills in badges, tenant by tenant.
func (n *Notifier) badgeDeferred(ctx context.Context, due []deferred) {
	byTenant := map[store.Tenant][]int{}
	for i, x := range due {
		byTenant[x.user.Tenant()] = append(byTenant[x.user.Tenant()], i)
	}
	for tenant, at := range byTenant {
		out := make([]outgoing, len(at))
		for j, i := range at {
			out[j] = due[i].outgoing
		}
		n.badge(ctx, tenant, out)
		for j, i := range at {
			due[i].message.Badge = out[j].message.Badge
		}
	}
}

// settleDeferred does what follows from a platform's answer.
func (n *Notifier) settleDeferred(ctx context.Context, x deferred, r push.Result) error {
	d := x.Deferral
	d.Seq = max(d.Seq, x.owed.last())
	again := d
	switch {
	case n.settled(ctx, x.user, x.owed.device, r):
		if r.Outcome == push.Delivered && x.alone {
			// The user's only device is covered, whichever window that was.
			if err := n.o.Store.RaisePushed(ctx, x.user, d.Conv, x.owed.last()); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		return n.o.Store.RemoveDeferral(ctx, d)
	case r.Held:
		again.Due, again.Reserved = time.Now().Add(heldFor(r.RetryAfter)), true
		return n.move(ctx, d, again, becauseOutage)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	again.Attempts++
	if again.Attempts >= n.o.Attempts {
		if n.giveUp(ctx, x.user, d.Conv, x.owed.device, d.Seq, again.Attempts, r) {
			return n.o.Store.RemoveDeferral(ctx, d)
		}
		again.Attempts--
	}
	backoff := min(firstBackoff<<min(again.Attempts, 10), maxBackoff)
	again.Due, again.Reserved = time.Now().Add(max(backoff/2+rand.N(backoff/2), r.RetryAfter)), true
	return n.move(ctx, d, again, becauseRefused)
}

// move puts a deferred push off once more. It is never in neither place.
func (n *Notifier) move(ctx context.Context, from, to store.Deferral, reason string) error {
	if to.Due.UnixMilli() <= from.Due.UnixMilli() {
		to.Due = from.Due.Add(time.Millisecond)
	}
	if err := n.file(ctx, to); err != nil {
		return err
	}
	n.metrics.deferred.WithLabelValues(reason).Inc()
	return n.o.Store.RemoveDeferral(ctx, from)
}
