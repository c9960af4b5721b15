package notify

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// outgoing is a push on its way.
type outgoing struct {
	user    store.User
	member  *member
	owed    owed
	message push.Message
}

func (o outgoing) takesBadge() bool {
	return o.message.Channel == push.APNS || o.message.Channel == push.APNSSandbox
}

// cover sees to it that every device of the members has confirmed what is due or is covered by a push. It returns those for
// whom something is left to do, how long to wait at least, and one of the store's errors.
func (n *Notifier) cover(ctx context.Context, e *evaluation, members []*member) (left []*member, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	fast := n.fastMarks(ctx, e.conv, members)
	var (
		mu    sync.Mutex
		out   []outgoing
		group errgroup.Group
	)
	keep := func(m *member, failed error) {
		left = append(left, m)
		if failed != nil {
			err = failed
		}
	}
	group.SetLimit(chunkReaders)
	for i, m := range members {
		group.Go(func() error {
			pushes, covered, err := n.examine(ctx, e, m, fast[i])
			mu.Lock()
			defer mu.Unlock()
			m.raise = covered
			if err != nil {
				keep(m, err)
			}
			for _, p := range pushes {
				out = append(out, outgoing{user: m.User, member: m, owed: p})
			}
			return nil
		})
	}
	_ = group.Wait() // errors are kept
	open, wait := n.push(ctx, e, out)
	var raises []*member
	for _, m := range members {
		switch {
		case slices.Contains(left, m):
		case open[m]:
			m.raise = 0
			keep(m, nil)
		case m.accepted && m.raise != 0:
			raises = append(raises, m)
		}
	}
	var raising errgroup.Group
	raising.SetLimit(chunkReaders)
	for _, m := range raises {
		raising.Go(func() error {
			if err := n.o.Store.RaisePushed(ctx, m.User, e.conv, m.raise); err != nil && !errors.Is(err, store.ErrNotFound) {
				mu.Lock()
				defer mu.Unlock()
				keep(m, err)
			}
			return nil
		})
	}
	_ = raising.Wait()
	return left, wait, err
}

// examine finds what the member is owed now, and puts off what is to wait. covered is up to where all of the member's devices
// are covered once that is accepted.
func (n *Notifier) examine(ctx context.Context, e *evaluation, m *member, fast cache.Marks) (pushes []owed, covered uint64, err error) {
	if m.raise != 0 { // all that is left to do
		return nil, m.raise, nil
	}
	if !e.owes(m.Member, fast.Read) {
		return nil, 0, nil
	}
	if !m.accepted && n.confirmed(e, m, fast) {
		return nil, 0, nil
	}
	began := time.Now()
	devices, err := n.o.Store.Devices(ctx, m.User)
	if err != nil {
		return nil, 0, err
	}
	n.roster.put(m.User, devices, began)
	marks := store.Membership{Read: fast.Read, Delivered: fast.Delivered}
	// A device that the cache does not know may have a mark in the store, and owe to it that it is owed a push.
	if pushes, _ := n.pushes(e, m, known(devices), marks); len(pushes) == 0 && !m.accepted {
		return nil, 0, nil // the cache knows of enough: no need to ask the store
	}
	stored, err := n.o.Store.Membership(ctx, m.User, e.conv)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && stored.Left != 0:
		n.metrics.suppressed.WithLabelValues(becauseLeft).Inc()
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	case stored.MutedUntil.After(time.Now()):
		n.metrics.suppressed.WithLabelValues(becauseMuted).Inc()
		return nil, 0, nil
	}
	marks = merge(marks, stored)
	pushes, covered = n.pushes(e, m, devices, marks)
	if len(pushes) == 0 {
		return nil, covered, nil
	}
	if pushes, err = n.putOff(ctx, e, m, pushes); err != nil {
		return nil, 0, err
	}
	for i, p := range pushes {
		pushes[i] = n.count(ctx, e, m, p, marks)
	}
	return pushes, covered, nil
}

// fastMarks returns what the cache knows of the members, which is nothing when it fails.
func (n *Notifier) fastMarks(ctx context.Context, c store.Conv, members []*member) []cache.Marks {
	users := make([]store.User, len(members))
	for i, m := range members {
		users[i] = m.User
	}
	marks, err := n.o.Cache.MemberMarks(ctx, c, users)
	if err != nil || len(marks) != len(members) {
		n.metrics.marksUnavailable.Inc()
		return make([]cache.Marks, len(members))
	}
	return marks
}

// known returns the devices as if they had been registered before everything.
func known(devices []store.Device) []store.Device {
	out := slices.Clone(devices)
	for i := range out {
		out[i].RegisteredAt = time.Time{}
	}
	return out
}

// merge takes the higher of all marks: marks only rise.
func merge(a, b store.Membership) store.Membership {
	out := store.Membership{Read: max(a.Read, b.Read), Pushed: max(a.Pushed, b.Pushed), Delivered: map[string]uint64{}}
	for _, marks := range []map[string]uint64{a.Delivered, b.Delivered} {
		for device, seq := range marks {
			out.Delivered[device] = max(out.Delivered[device], seq)
		}
	}
	return out
}

// seen returns up to where the device has seen the conversation, and from when on it counts: a device starts at the head that
// the conversation had when it was registered.
func seen(d store.Device, marks store.Membership) (floor uint64, since time.Time) {
	delivered, known := marks.Delivered[d.ID]
	if !known {
		since = d.RegisteredAt.Add(-registrationSlack)
	}
	return max(marks.Read, delivered), since
}

// takesPushes says whether the device can be pushed to.
func (n *Notifier) takesPushes(d store.Device) bool {
	return d.PushToken != "" && push.Channel(d.PushChannel).Valid() && d.Strikes < n.o.Strikes
}

// pushes returns what the member's devices are owed, but for those that are settled, and up to which seq all of the member's
// devices are covered once that is accepted.
func (n *Notifier) pushes(e *evaluation, m *member, devices []store.Device, marks store.Membership) (pushes []owed, covered uint64) {
	covered = e.last
	for _, d := range devices {
		if !n.takesPushes(d) {
			continue
		}
		floor, since := seen(d, marks)
		unseen := e.messages.unseen(m.User, m.Joined, max(floor, marks.Pushed), since)
		switch {
		case len(unseen) == 0:
		case unseen[0].seq > e.due:
			covered = e.due // it has time left for the younger ones, which the next window decides
		default:
			if last, ok := m.settled[target{d.ID, d.PushToken}]; ok {
				covered = min(covered, last) // what came after that push is the next window's
				continue
			}
			pushes = append(pushes, owed{device: d, unseen: unseen})
		}
	}
	return pushes, covered
}

// count counts what an earlier push was about and the device has not seen: the new push takes its place on the screen.
func (n *Notifier) count(ctx context.Context, e *evaluation, m *member, p owed, marks store.Membership) owed {
	floor, since := seen(p.device, marks)
	if marks.Pushed <= floor {
		return p
	}
	total := len(e.messages.unseen(m.User, m.Joined, floor, since))
	if e.first > floor+1 {
		h, ok := n.before(ctx, e)
		if !ok {
			return p
		}
		total += len(h.unseen(m.User, m.Joined, floor, since))
		p.more = h.cut(max(floor+1, m.Joined), since)
	}
	p.earlier = max(total-len(p.unseen), 0)
	return p
}
