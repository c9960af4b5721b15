package notify

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// push sends pushes and settles what it can. It returns the members for whom something is left, and how long to wait at least.
func (n *Notifier) push(ctx context.Context, e *evaluation, out []outgoing) (open map[*member]bool, wait time.Duration) {
	if len(out) == 0 {
		return nil, 0
	}
	title := n.titleOf(ctx, e)
	for i, o := range out {
		out[i].message = n.compose(e.conv, e.kind, title, o.owed)
	}
	n.badge(ctx, e.conv.Tenant(), out)
	open = map[*member]bool{}
	answered := map[*member]bool{}
	for i, r := range n.send(ctx, out) {
		o := out[i]
		d := o.owed.device
		settled := n.settled(ctx, o.user, d, r)
		switch {
		case settled && r.Outcome == push.Delivered:
			o.member.accepted = true
			n.metrics.delay.Observe(time.Since(o.owed.unseen[0].at).Seconds())
		case settled:
		case r.Held && e.failures >= heldAttempts:
			// The platform is out for longer: its pushes must not keep the offsets of everybody else's.
			settled = n.deferFor(ctx, e.conv, o, heldFor(r.RetryAfter), becauseOutage) == nil
		case r.Held:
			wait = max(wait, r.RetryAfter)
		default:
			answered[o.member] = answered[o.member] || ctx.Err() == nil
			wait = max(wait, r.RetryAfter)
			if o.member.attempts+1 >= n.o.Attempts && ctx.Err() == nil {
				settled = n.giveUp(ctx, o.user, e.conv, d, o.owed.last(), o.member.attempts+1, r)
			}
		}
		if settled {
			o.member.settle(o.owed)
		} else {
			open[o.member] = true
		}
	}
	for m := range answered {
		if answered[m] {
			m.attempts++
		}
	}
	return open, wait
}

// applicationRetry is when to ask again for a tenant's application that could not be told.
const applicationRetry = time.Second

// send hands the pushes to the platforms and counts the answers, in the order of the pushes.
func (n *Notifier) send(ctx context.Context, out []outgoing) []push.Result {
	results := make([]push.Result, len(out))
	for application, indexes := range n.byApplication(ctx, out, results) {
		messages := make([]push.Message, len(indexes))
		for j, i := range indexes {
			messages[j] = out[i].message
		}
		for j, r := range n.o.Sender.Send(ctx, application, messages) {
			results[indexes[j]] = r
			if !r.Held {
				n.metrics.pushes.WithLabelValues(string(messages[j].Channel), r.Outcome.String(), r.Reason).Inc()
				if n.o.Figures != nil {
					n.o.Figures.Pushed(out[indexes[j]].user.Tenant(), time.Now(), string(messages[j].Channel), r.Outcome.String())
				}
			}
		}
	}
	return results
}

// byApplication tells which pushes go through which application. Those whose tenant's cannot be told are held, in results: through
// another's they would reach nobody, and show its platforms whom they are for.
func (n *Notifier) byApplication(ctx context.Context, out []outgoing, results []push.Result) map[string][]int {
	type answer struct {
		application string
		err         error
	}
	known := map[store.Tenant]answer{}
	groups := map[string][]int{}
	for i, o := range out {
		t := o.user.Tenant()
		a, asked := known[t]
		if !asked {
			a.application = n.o.Application
			if n.o.Applications != nil {
				a.application, a.err = n.o.Applications.Application(ctx, t)
			}
			if known[t] = a; a.err != nil {
				n.o.Log.Warn("a tenant's push application cannot be told", "tenant", string(t), "error", a.err)
			}
		}
		if a.err != nil {
			results[i] = push.Result{Outcome: push.Retry, Reason: "application_unknown", Held: true, RetryAfter: applicationRetry}
			continue
		}
		groups[a.application] = append(groups[a.application], i)
	}
	return groups
}

// settled says whether the platform's answer is its last, and does what follows for the token.
func (n *Notifier) settled(ctx context.Context, u store.User, d store.Device, r push.Result) bool {
	switch r.Outcome {
	case push.Delivered:
		if d.Strikes > 0 {
			if err := n.o.Store.ClearStrikes(ctx, u, d.ID, d.PushToken); err != nil {
				n.o.Log.Warn("strikes not cleared", "user", u.String(), "device", d.ID, "error", err)
			}
		}
	case push.Unregistered:
		n.forget(ctx, u, d)
	case push.Invalid:
		n.o.Log.Warn("push refused", "user", u.String(), "device", d.ID, "channel", d.PushChannel, "reason", r.Reason)
		if r.Strike {
			n.strike(ctx, u, d)
		}
	default:
		return false
	}
	return true
}

// forget removes a token that its platform no longer knows. A failure costs another refusal later and nothing else.
func (n *Notifier) forget(ctx context.Context, u store.User, d store.Device) {
	if err := n.o.Store.RemovePushToken(ctx, u, d.ID, d.PushToken); err != nil {
		n.o.Log.Warn("push token not removed", "user", u.String(), "device", d.ID, "error", err)
		return
	}
	n.metrics.tokens.WithLabelValues(d.PushChannel, tokenRemoved).Inc()
	n.o.Log.Info("push token removed: its platform no longer knows it", "user", u.String(), "device", d.ID, "channel", d.PushChannel)
}

// strike counts a refusal of the token. One that was refused too often gets no pushes until its device registers again.
func (n *Notifier) strike(ctx context.Context, u store.User, d store.Device) {
	strikes, err := n.o.Store.StrikeToken(ctx, u, d.ID, d.PushToken)
	if err != nil {
		n.o.Log.Warn("refusal of a push token not counted", "user", u.String(), "device", d.ID, "error", err)
		return
	}
	if strikes < n.o.Strikes {
		n.metrics.tokens.WithLabelValues(d.PushChannel, tokenStruck).Inc()
		return
	}
	n.metrics.tokens.WithLabelValues(d.PushChannel, tokenDisabled).Inc()
	n.o.Log.Error("push token disabled: its platform has refused it again and again", "user", u.String(), "device", d.ID,
		"channel", d.PushChannel, "strikes", strikes)
}

// giveUp writes down that a push was tried often enough. It returns false when that could not be written down.
func (n *Notifier) giveUp(ctx context.Context, u store.User, c store.Conv, d store.Device, seq uint64, attempts int, r push.Result) bool {
	if n.o.DeadLetters != nil {
		err := n.o.DeadLetters.PublishPushFailure(ctx, eventlog.PushFailure{
			User: u, Device: d.ID, Conv: c, Seq: seq, Channel: d.PushChannel,
			Outcome: r.Outcome.String(), Reason: r.Reason, Attempts: attempts, At: time.Now(),
		})
		if err != nil {
			n.o.Log.Warn("push given up but not written down", "user", u.String(), "device", d.ID, "error", err)
			return false
		}
	}
	n.metrics.givenUp.WithLabelValues(d.PushChannel).Inc()
	n.o.Log.Error("push given up", "user", u.String(), "device", d.ID, "channel", d.PushChannel,
		"outcome", r.Outcome.String(), "reason", r.Reason, "attempts", attempts)
	return true
}
