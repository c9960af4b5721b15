package check

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// wishTimeout is how long a person tries to mute a conversation, bedtime to set quiet hours.
	wishTimeout = 5 * time.Second
	bedtime     = 10 * time.Second
	// wishAgain is how long it is at least from one wish about a conversation to the next: longer than a write may be late, for
	// the last one that is written holds.
	wishAgain = 20 * time.Second
	// tick is how exactly the times of entries, pushes and wishes are known: milliseconds, cut off.
	tick = 5 * time.Millisecond
)

// wish is a mute, or its end. The zero acked: whether it was taken is not known.
type wish struct {
	asked, acked time.Time
	// until is zero for the end of a mute.
	until time.Time
}

// place is a user's place in a conversation.
type place struct{ conv, user string }

// wish mutes a conversation, for a moment or for good, or ends that.
func (d *device) wish(ctx context.Context, conv *conversation, rng *rand.Rand) {
	forLong, moment := rng.IntN(2) == 0, time.Duration(rng.Int64N(int64(10*time.Second)))
	if !d.wishes {
		return
	}
	at, now := place{conv.id, d.user}, time.Now()
	d.r.mu.Lock()
	var last wish
	if all := d.r.wishes[at]; len(all) > 0 {
		last = all[len(all)-1]
	}
	d.r.mu.Unlock()
	if !last.asked.IsZero() && (last.acked.IsZero() || now.Sub(last.acked) < wishAgain) {
		return
	}
	w := wish{asked: now}
	switch {
	case last.until.After(now): // it is muted: that ends
	case forLong:
		w.until = now.Add(24 * time.Hour).Truncate(time.Millisecond)
	default:
		w.until = now.Add(5*time.Second + moment).Truncate(time.Millisecond)
	}
	var ms int64
	if !w.until.IsZero() {
		ms = w.until.UnixMilli()
	}
	set := func(w wish) {
		d.r.mu.Lock()
		defer d.r.mu.Unlock()
		all := d.r.wishes[at]
		if n := len(all); n > 0 && all[n-1].asked.Equal(w.asked) {
			all = all[:n-1]
		}
		d.r.wishes[at] = append(all, w)
	}
	set(w)
	ctx, cancel := context.WithTimeout(ctx, wishTimeout)
	defer cancel()
	err := persist(ctx, func(ctx context.Context) error {
		_, err := d.c.SetPreferences(ctx, conv.id, protocol.ConversationPreferences{MutedUntilMS: &ms})
		return err
	})
	if err == nil {
		w.acked = time.Now()
		set(w)
	}
	var e *client.Error
	if errors.As(err, &e) { // who never was a member mutes nothing
		d.r.mu.Lock()
		d.r.wishes[at] = d.r.wishes[at][:len(d.r.wishes[at])-1]
		d.r.mu.Unlock()
	}
}

// mutedAt says whether a message that was said at one time cannot be pushed at another: its user had muted the conversation
// before it was said, and until after the push. What was said earlier may have been on its way.
func mutedAt(wishes []wish, said, pushed time.Time) bool {
	for i, w := range wishes {
		if w.acked.IsZero() || w.until.IsZero() || said.Before(w.acked.Add(tick)) {
			continue
		}
		end := w.until
		if i+1 < len(wishes) && wishes[i+1].asked.Before(end) {
			end = wishes[i+1].asked
		}
		if pushed.Before(end.Add(-tick)) {
			return true
		}
	}
	return false
}

// owedFrom is from when on what is said must be pushed, whatever the user has wished before.
func owedFrom(wishes []wish) time.Time {
	var from time.Time
	for i, w := range wishes {
		end := w.until
		if i+1 < len(wishes) && wishes[i+1].until.IsZero() && !wishes[i+1].acked.IsZero() {
			end = wishes[i+1].acked
		}
		if end.After(from) {
			from = end
		}
	}
	return from
}

// night is when a phone had quiet hours. The zero acked: whether it had is not known.
type night struct {
	acked, to time.Time
}

// covers says whether a message that was said at one time cannot be pushed at another.
func (n night) covers(said, pushed time.Time) bool {
	return !n.acked.IsZero() && !said.Before(n.acked.Add(tick)) && pushed.Before(n.to.Add(-tick))
}

// bedroom is where the phones sleep: three quarters of an hour off, and clocks are never changed.
var bedroom = time.FixedZone("Asia/Kathmandu", 5*3600+45*60)

// fallAsleep sets quiet hours, which have no seconds: from the minute before to a minute well ahead.
func (d *device) fallAsleep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bedtime)
	defer cancel()
	if d.c == nil && d.connect(ctx) != nil {
		return
	}
	now := time.Now().In(bedroom)
	end := now.Add(d.r.o.Quiet + time.Minute).Truncate(time.Minute)
	const clock = "15:04"
	q := &protocol.DoNotDisturb{From: now.Add(-time.Minute).Format(clock), To: end.Format(clock), TimeZone: bedroom.String()}
	if err := persist(ctx, func(ctx context.Context) error { return d.register(ctx, q) }); err != nil {
		d.r.say("  %s cannot set its quiet hours: %v", d.name(), err)
		return
	}
	d.r.mu.Lock()
	d.night = night{time.Now(), end}
	d.r.mu.Unlock()
	d.r.say("  %s sleeps until %s", d.name(), end.UTC().Format(time.TimeOnly))
}

// register tells the gateway how the phone is pushed to.
func (d *device) register(ctx context.Context, q *protocol.DoNotDisturb) error {
	return d.c.RegisterDevice(ctx, protocol.Device{
		Platform: "android", PushChannel: "GCM", PushToken: d.pushToken, Preferences: &protocol.DevicePreferences{DoNotDisturb: q},
	})
}

// morning is when the last phone may be pushed to.
func (v *verification) morning() time.Time {
	v.r.mu.Lock()
	defer v.r.mu.Unlock()
	var latest time.Time
	for _, d := range v.r.devices {
		if d.night.to.After(latest) {
			latest = d.night.to
		}
	}
	return latest
}
