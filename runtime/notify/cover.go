package notify

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// cover sees to it that every device of the member has confirmed what is due or is covered by a push. It returns true when
// nothing is left to do, else how long to wait at least; an error is the store's.
func (n *Notifier) cover(ctx context.Context, e *evaluation, m *member) (wait time.Duration, settled bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	if m.raise != 0 {
		return n.raise(ctx, e, m)
	}
	fast := n.fastMarks(ctx, m.User, e.conv)
	if !e.owes(m.Member, fast.Read) {
		return 0, true, nil
	}
	devices, err := n.o.Store.Devices(ctx, m.User)
	if err != nil {
		return 0, false, err
	}
	marks := store.Membership{Read: fast.Read, Delivered: fast.Delivered}
	// A device that the cache does not know may have a mark in the store, and owe to it that it is owed a push.
	if pushes, _ := e.pushes(m, known(devices), marks); len(pushes) == 0 && !m.accepted {
		return 0, true, nil // the cache knows of enough: no need to ask the store
	}
	stored, err := n.o.Store.Membership(ctx, m.User, e.conv)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && stored.Left != 0:
		return 0, true, nil // no member any more
	case err != nil:
		return 0, false, err
	}
	pushes, covered := e.pushes(m, devices, merge(marks, stored))
	if len(pushes) > 0 {
		if wait, settled = n.send(ctx, e, m, pushes); !settled {
			return wait, false, nil
		}
	}
	if !m.accepted {
		return 0, true, nil
	}
	m.raise = covered
	return n.raise(ctx, e, m)
}

func (n *Notifier) raise(ctx context.Context, e *evaluation, m *member) (time.Duration, bool, error) {
	if err := n.o.Store.RaisePushed(ctx, m.User, e.conv, m.raise); err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, false, err
	}
	return 0, true, nil
}

// known returns the devices as if they had been registered before everything.
func known(devices []store.Device) []store.Device {
	out := slices.Clone(devices)
	for i := range out {
		out[i].RegisteredAt = time.Time{}
	}
	return out
}

// fastMarks returns what the cache knows, which is nothing when it fails.
func (n *Notifier) fastMarks(ctx context.Context, u store.User, c store.Conv) cache.Marks {
	all, err := n.o.Marks.Marks(ctx, u, c)
	if err != nil || len(all) != 1 {
		n.metrics.marksUnavailable.Inc()
		return cache.Marks{}
	}
	return all[0]
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

// owed is a push that a device is owed.
type owed struct {
	device store.Device
	unseen []message
}

// pushes returns what the member's devices are owed, but for those that are settled, and up to which seq all of the member's
// devices are covered once that is accepted.
func (e *evaluation) pushes(m *member, devices []store.Device, marks store.Membership) (pushes []owed, covered uint64) {
	covered = e.last
	for _, d := range devices {
		if d.PushToken == "" || !push.Channel(d.PushChannel).Valid() {
			continue
		}
		delivered, known := marks.Delivered[d.ID]
		var since time.Time
		if !known { // a device starts at the head that the conversation had when it was registered
			since = d.RegisteredAt.Add(-registrationSlack)
		}
		unseen := e.unseen(m.Member, max(marks.Read, marks.Pushed, delivered), since)
		switch {
		case len(unseen) == 0:
		case unseen[0].seq > e.due:
			covered = e.due // it has time left for the younger ones, which the next window decides
		case !m.settled[target{d.ID, d.PushToken}]:
			pushes = append(pushes, owed{d, unseen})
		}
	}
	return pushes, covered
}

// send pushes and settles what it can. It returns true when every one of the pushes is settled.
func (n *Notifier) send(ctx context.Context, e *evaluation, m *member, pushes []owed) (wait time.Duration, settled bool) {
	title := n.titleOf(ctx, e)
	messages := make([]push.Message, len(pushes))
	for i, p := range pushes {
		messages[i] = compose(e, m.User, title, p)
	}
	open, answered := 0, false
	for i, r := range n.o.Sender.Send(ctx, n.o.Application, messages) {
		d := pushes[i].device
		if r.Held {
			open++
			wait = max(wait, r.RetryAfter)
			continue
		}
		n.metrics.pushes.WithLabelValues(r.Outcome.String()).Inc()
		switch r.Outcome {
		case push.Delivered:
			m.accepted = true
			n.metrics.delay.Observe(time.Since(pushes[i].unseen[0].at).Seconds())
		case push.Unregistered:
			n.forget(ctx, m.User, d)
		case push.Invalid:
			n.o.Log.Warn("push refused", "user", m.User.String(), "device", d.ID, "channel", d.PushChannel, "reason", r.Reason)
		default:
			answered = answered || ctx.Err() == nil
			if m.attempts+1 < n.o.Attempts || ctx.Err() != nil {
				open++
				wait = max(wait, r.RetryAfter)
				continue
			}
			n.metrics.givenUp.Inc()
			n.o.Log.Error("push given up", "user", m.User.String(), "device", d.ID, "channel", d.PushChannel,
				"outcome", r.Outcome.String(), "reason", r.Reason, "attempts", n.o.Attempts)
		}
		m.settled[target{d.ID, d.PushToken}] = true
	}
	if answered {
		m.attempts++
	}
	return wait, open == 0
}

// forget removes a token that its platform no longer knows. A failure costs another refusal later and nothing else.
func (n *Notifier) forget(ctx context.Context, u store.User, d store.Device) {
	if err := n.o.Store.RemovePushToken(ctx, u, d.ID, d.PushToken); err != nil {
		n.o.Log.Warn("push token not removed", "user", u.String(), "device", d.ID, "error", err)
		return
	}
	n.o.Log.Info("push token removed: its platform no longer knows it", "user", u.String(), "device", d.ID, "channel", d.PushChannel)
}
