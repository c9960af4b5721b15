package notify

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestQuietHours(t *testing.T) {
	at := func(s string) time.Time {
		got, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	berlin := func(from, to int) store.DevicePreferences {
		return store.DevicePreferences{QuietFrom: from, QuietTo: to, QuietZone: "Europe/Berlin"}
	}
	night, lunch := berlin(22*60, 7*60), berlin(12*60, 13*60)
	cases := map[string]struct {
		reason string
		p      store.DevicePreferences
		now    string
		want   string // empty: not quiet
	}{
		"None":      {"no hours at all", store.DevicePreferences{}, "2026-01-10T03:00:00Z", ""},
		"Evening":   {"until tomorrow", night, "2026-01-10T22:30:00+01:00", "2026-01-11T07:00:00+01:00"},
		"Morning":   {"until today", night, "2026-01-11T06:59:59+01:00", "2026-01-11T07:00:00+01:00"},
		"Day":       {"awake", night, "2026-01-11T07:00:00+01:00", ""},
		"Begins":    {"from its first minute on", night, "2026-01-10T22:00:00+01:00", "2026-01-11T07:00:00+01:00"},
		"Before":    {"not a second sooner", night, "2026-01-10T21:59:59+01:00", ""},
		"Zone":      {"in the device's own zone", night, "2026-01-10T21:30:00Z", "2026-01-11T06:00:00Z"},
		"Noon":      {"hours within a day", lunch, "2026-01-10T12:10:00+01:00", "2026-01-10T13:00:00+01:00"},
		"Afternoon": {"and after them", lunch, "2026-01-10T13:00:00+01:00", ""},
		"Spring":    {"clocks go ahead in that night", night, "2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"},
		"Autumn":    {"and back", night, "2026-10-24T23:00:00+02:00", "2026-10-25T07:00:00+01:00"},
		"Skipped":   {"an end within the hour that is skipped", berlin(22*60, 2*60+30), "2026-03-28T23:00:00+01:00", "2026-03-29T03:30:00+02:00"},
		"Twice":     {"an end within the hour that comes twice", berlin(22*60, 2*60+30), "2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+01:00"},
		"LastDay":   {"over the end of a year", night, "2026-12-31T23:00:00+01:00", "2027-01-01T07:00:00+01:00"},
		"Unknown":   {"a zone that is not known has no hours", store.DevicePreferences{QuietFrom: 0, QuietTo: 1439, QuietZone: "Nowhere"}, "2026-01-10T03:00:00Z", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			end, quiet := quietUntil(tc.p, at(tc.now))
			switch {
			case quiet != (tc.want != ""):
				t.Errorf("%s: quiet is %t until %v", tc.reason, quiet, end)
			case quiet && !end.Equal(at(tc.want)):
				t.Errorf("%s: until %v, want %s", tc.reason, end, tc.want)
			}
		})
	}
}

// quiet gives the device quiet hours from now on for d.
func quiet(d *store.Device, length time.Duration) {
	minute := func(t time.Time) int { return t.UTC().Hour()*60 + t.UTC().Minute() }
	now := time.Now()
	d.Preferences.QuietFrom, d.Preferences.QuietTo, d.Preferences.QuietZone = minute(now), minute(now.Add(length)), "UTC"
}

func TestWhatCameInQuietHoursIsPushedAtTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.device("bob", "tablet")
		quiet(&w.devices["bob"][0], 8*time.Hour)
		l := run(t, w)
		for i := range uint64(3) {
			l.say("alice", i+1, "zzz")
			pass(time.Hour)
		}
		expect(t, "the phone sleeps", []string{}, w.shows("bob-phone"))
		expect(t, "the tablet does not", 3, len(w.shows("bob-tablet")))
		expect(t, "nothing holds the offsets for hours", []uint64{1, 2, 3}, l.completed())
		expect(t, "one deferred push for all", 1, len(w.deferrals))
		pass(5*time.Hour - time.Minute)
		expect(t, "a minute before the end", []string{}, w.shows("bob-phone"))
		pass(2 * time.Minute)
		expect(t, "after it", []string{"3 new messages"}, w.shows("bob-phone"))
		expect(t, "title", "The Room", w.phones["bob-phone"][0].Title)
		expect(t, "collapse id", CollapseID(w.conv), w.phones["bob-phone"][0].CollapseID)
		expect(t, "deferred pushes left", 0, len(w.deferrals))
		pass(24 * time.Hour)
		expect(t, "a day later", []string{"3 new messages"}, w.shows("bob-phone"))
	})
}

func TestADeferredPushIsDecidedWhenItIsDue(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(w *world)
		want   []string
	}{
		"Nothing":   {"owed", func(*world) {}, []string{"alice: zzz"}},
		"Read":      {"read elsewhere", func(w *world) { w.stored["bob"].Read = 1 }, []string{}},
		"FastRead":  {"as far as the cache knows", func(w *world) { w.fast["bob"] = cache.Marks{Read: 1} }, []string{}},
		"Confirmed": {"the phone has it by now", func(w *world) { w.stored["bob"].Delivered["phone"] = 1 }, []string{}},
		"CacheDown": {"without the cache a push too many, and none too few", func(w *world) { w.onMarks = func() error { return errBoom } }, []string{"alice: zzz"}},
		"Muted":     {"muted meanwhile", func(w *world) { w.stored["bob"].MutedUntil = time.Now().Add(100 * time.Hour) }, []string{}},
		"Left":      {"no member any more", func(w *world) { w.stored["bob"].Left = 2 }, []string{}},
		"Gone":      {"the membership is gone", func(w *world) { delete(w.stored, "bob") }, []string{}},
		"SignedOut": {"the device is gone", func(w *world) { w.devices["bob"] = nil }, []string{}},
		"NewToken":  {"the token of now", func(w *world) { w.devices["bob"][0].PushToken = "fresh" }, []string{}},
		"Deleted":   {"deleted meanwhile", func(w *world) { w.log = append(w.log, batchOf(deleted(2, 1))) }, []string{}},
		"Edited":    {"as it is now", func(w *world) { w.log = append(w.log, batchOf(edited(2, 1, "awake?"))) }, []string{"alice: awake?"}},
		"Longer":    {"the hours were made longer", func(w *world) { quiet(&w.devices["bob"][0], 20*time.Hour) }, []string{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "alice", "bob")
				quiet(&w.devices["bob"][0], time.Hour)
				l := run(t, w)
				l.say("alice", 1, "zzz")
				pass(2 * delay)
				w.change(func() { tc.change(w) })
				pass(2 * time.Hour)
				expect(t, tc.reason, tc.want, w.shows("bob-phone"))
				switch name {
				case "NewToken":
					expect(t, tc.reason, []string{"alice: zzz"}, w.shows("fresh"))
				case "Longer":
					pass(20 * time.Hour)
					expect(t, "at their new end", []string{"alice: zzz"}, w.shows("bob-phone"))
				}
				expect(t, "deferred pushes left", 0, len(w.deferrals))
			})
		})
	}
}

// The timers of quiet hours are the store's: they survive the process.
func TestADeferredPushSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		quiet(&w.devices["bob"][0], time.Hour)
		first := run(t, w)
		first.say("alice", 1, "zzz")
		pass(2 * delay)
		expect(t, "records done", []uint64{1}, first.completed())
		first.stop()
		pass(3 * time.Hour)
		expect(t, "nobody looks", []string{}, w.shows("bob-phone"))
		run(t, w)
		pass(time.Minute)
		expect(t, "the next process", []string{"alice: zzz"}, w.shows("bob-phone"))
	})
}

// What cannot be written down keeps its record from being done.
func TestAPushThatCannotBeDeferredHoldsItsRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		quiet(&w.devices["bob"][0], 10*time.Hour)
		w.onDefer = func() error { return errBoom }
		l := run(t, w)
		l.say("alice", 1, "zzz")
		pass(time.Hour)
		expect(t, "records done", []uint64{}, l.completed())
		w.change(func() { w.onDefer = func() error { return nil } })
		pass(2 * time.Minute)
		expect(t, "records done later", []uint64{1}, l.completed())
		expect(t, "the phone sleeps", []string{}, w.shows("bob-phone"))
		pass(10 * time.Hour)
		expect(t, "the phone", []string{"alice: zzz"}, w.shows("bob-phone"))
	})
}

func TestMutedConversationsAreNotPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.stored["bob"].MutedUntil = time.Now().Add(time.Hour)
		l := run(t, w)
		l.say("alice", 1, "unheard")
		pass(2 * time.Hour)
		expect(t, "muted", []string{}, w.shows("bob-phone"))
		expect(t, "records done", []uint64{1}, l.completed())
		l.say("alice", 2, "heard")
		pass(delay)
		expect(t, "after the mute ended", []string{"heard"}, w.shows("bob-phone"))
	})
}

// limiter is the cache's rate, to the second.
type limiter struct{ used map[store.User]time.Time }

func (l *limiter) reserve(u store.User, r cache.PushRate) (time.Duration, bool, error) {
	now := time.Now()
	used := l.used[u]
	if used.Before(now) {
		used = now
	}
	used = used.Add(r.Every)
	wait := max(used.Sub(now)-time.Duration(r.Burst)*r.Every, 0)
	if wait > r.Horizon {
		return r.Horizon, false, nil
	}
	l.used[u] = used
	return wait, true, nil
}

func TestTooManyPushesWaitAndNoneIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob", "carol")
		w.onReserve = (&limiter{used: map[store.User]time.Time{}}).reserve
		w.change(func() { w.fast["carol"] = cache.Marks{Delivered: map[string]uint64{"phone": 1 << 40}} })
		const perMinute = 2
		l := run(t, w, func(o *Options) { o.PerMinute = perMinute })
		start := time.Now()
		seq := uint64(0)
		for time.Since(start) < 10*time.Minute {
			seq++
			l.say("alice", seq, fmt.Sprint("m", seq))
			pass(2 * time.Second)
		}
		pass(3 * time.Minute)
		got := w.shows("bob-phone")
		if n := len(got); n < 10 || n > 13*perMinute+perMinute {
			t.Errorf("%d pushes in 13 minutes, want at most %d a minute", n, perMinute)
		}
		last := w.phones["bob-phone"][len(got)-1]
		expect(t, "the last push covers the last message", fmt.Sprint(seq), last.Data[DataSeq])
		expect(t, "records done: what waits holds no offsets", int(seq), len(l.completed()))
		expect(t, "deferred pushes left", 0, len(w.deferrals))
	})
}

func TestWithoutTheCacheThereIsNoRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.onReserve = func(store.User, cache.PushRate) (time.Duration, bool, error) { return 0, false, errBoom }
		l := run(t, w)
		l.say("alice", 1, "hi")
		pass(delay)
		expect(t, "the phone", []string{"hi"}, w.shows("bob-phone"))
	})
}

func TestTokensThatAreRefusedAgainAndAgainAreDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		refuse := func(push.Message) push.Result {
			return push.Result{Outcome: push.Invalid, Reason: "BadDeviceToken", Strike: true}
		}
		accept := func(push.Message) push.Result { return push.Result{Outcome: push.Delivered} }
		w.answer = refuse
		l := run(t, w, func(o *Options) { o.Strikes = 3 })
		seq := uint64(0)
		say := func(n int) {
			for range n {
				seq++
				l.say("alice", seq, "hi")
				pass(delay)
			}
		}
		say(2)
		w.change(func() { w.answer = accept })
		say(1) // one that is accepted in between clears them
		w.change(func() { w.answer = refuse })
		sends := w.sends
		say(10)
		expect(t, "tries until it is disabled", 3, w.sends-sends)
		expect(t, "the token stays", "bob-phone", w.devices["bob"][0].PushToken)
		expect(t, "tokens removed", []string(nil), w.removed)
		expect(t, "records done", int(seq), len(l.completed()))
		w.change(func() { w.answer, w.devices["bob"][0].Strikes = accept, 0 }) // it registers again
		say(1)
		expect(t, "and gets pushes again", 2, len(w.shows("bob-phone")))
	})
}

func TestWhatIsGivenUpGoesToTheDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.answer = func(push.Message) push.Result {
			return push.Result{Outcome: push.Failed, Reason: "InvalidProviderToken"}
		}
		down := true
		w.onDead = func() error {
			if down {
				return errBoom
			}
			return nil
		}
		l := run(t, w, func(o *Options) { o.Attempts = 2 })
		l.say("alice", 1, "private-body")
		pass(10 * time.Minute)
		expect(t, "records done while that cannot be written down", []uint64{}, l.completed())
		w.change(func() { down = false })
		pass(2 * time.Minute)
		expect(t, "records done", []uint64{1}, l.completed())
		expect(t, "dead letters", 1, len(w.dead))
		f := w.dead[0]
		expect(t, "what it tells", "acme/bob phone acme/room 1 GCM failed InvalidProviderToken",
			fmt.Sprint(f.User, " ", f.Device, " ", f.Conv, " ", f.Seq, " ", f.Channel, " ", f.Outcome, " ", f.Reason))
	})
}

func TestADeferredPushIsRetriedAndGivenUp(t *testing.T) {
	for name, fails := range map[string]int{"Accepted": 2, "GivenUp": 1000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "alice", "bob")
				quiet(&w.devices["bob"][0], time.Hour)
				w.answer = func(push.Message) push.Result {
					if fails--; fails >= 0 {
						return push.Result{Outcome: push.Throttled}
					}
					return push.Result{Outcome: push.Delivered}
				}
				l := run(t, w, func(o *Options) { o.Attempts = 4 })
				l.say("alice", 1, "zzz")
				pass(2 * time.Hour)
				expect(t, "deferred pushes left", 0, len(w.deferrals))
				if name == "Accepted" {
					expect(t, "the phone", []string{"alice: zzz"}, w.shows("bob-phone"))
					expect(t, "dead letters", 0, len(w.dead))
					expect(t, "the pushed mark of the only device", 1, w.pushed("bob"))
				} else {
					expect(t, "tries", 4, w.sends)
					expect(t, "dead letters", 1, len(w.dead))
					expect(t, "the pushed mark", 0, w.pushed("bob"))
				}
			})
		})
	}
}
