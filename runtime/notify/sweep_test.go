package notify

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestLookingForDeferredPushesCostsLittleWhenThereAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		run(t, w)
		const start = 10 * time.Second
		pass(start)
		w.change(func() {
			expect(t, "looks of a process that starts: one at each shard", store.DeferralShards, w.looks)
			w.looks = 0
		})
		pass(time.Hour)
		w.change(func() {
			// Each shard is looked at every one and a half to two minutes.
			if most, least := 64*41, 64*29; w.looks > most || w.looks < least {
				t.Errorf("%d looks in an hour, want %d to %d", w.looks, least, most)
			}
		})
	})
}

// put has a push deferred by another process.
func (w *world) put(user string, due time.Time) {
	w.change(func() {
		d := store.Deferral{User: w.user(user), Device: "phone", Conv: w.conv, Due: due, Seq: 1}
		w.deferrals[deferralKey(d)] = d
	})
}

func TestADeferredPushComesWhenItIsDue(t *testing.T) {
	const hour = time.Hour
	cases := map[string]struct {
		reason string
		// file has the push deferred by one hour.
		file func(t *testing.T, w *world)
		late time.Duration
	}{
		"Own": {"who has deferred it knows when", func(t *testing.T, w *world) {
			quiet(&w.devices["bob"][0], hour)
			l := run(t, w)
			l.say("alice", 1, "zzz")
		}, 10 * time.Second},
		"OwnAfterARestart": {"a process that starts looks at all", func(t *testing.T, w *world) {
			quiet(&w.devices["bob"][0], hour)
			l := run(t, w)
			l.say("alice", 1, "zzz")
			pass(hour - 2*time.Second)
			l.stop()
			pass(10 * time.Second)
			expect(t, "nobody runs", []string{}, w.shows("bob-phone"))
			run(t, w)
		}, 20 * time.Second},
		"OfAnotherWhichDied": {"rarely every shard is looked at", func(t *testing.T, w *world) {
			w.log = append(w.log, batchOf(entry("bob", 1, "hi", time.Now())))
			run(t, w)
			pass(10 * time.Minute)
			w.put("alice", time.Now().Add(hour-10*time.Minute))
		}, 10 * time.Second},
		"Overdue": {"the last looks were before it was deferred", func(t *testing.T, w *world) {
			w.log = append(w.log, batchOf(entry("bob", 1, "hi", time.Now())))
			run(t, w)
			pass(hour - time.Second)
			w.put("alice", time.Now().Add(time.Second))
		}, 2*time.Minute + 10*time.Second},
		"ClaimRefused": {"another pod was at it, and may have been too early", func(t *testing.T, w *world) {
			w.onClaim = func(string) (bool, error) { return time.Now().Minute()%2 == 1, nil }
			quiet(&w.devices["bob"][0], hour)
			l := run(t, w)
			l.say("alice", 1, "zzz")
		}, 70 * time.Second},
		"NoCache": {"the claim only saves work", func(t *testing.T, w *world) {
			w.onClaim = func(string) (bool, error) { return false, errBoom }
			quiet(&w.devices["bob"][0], hour)
			l := run(t, w)
			l.say("alice", 1, "zzz")
		}, 10 * time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "alice", "bob")
				due := time.Now().Add(hour)
				tc.file(t, w)
				if early := time.Until(due) - time.Second; early > 0 {
					pass(early)
					w.change(func() { expect(t, tc.reason+": before it is due", 0, len(w.phones)) })
				}
				pass(time.Until(due) + tc.late)
				w.change(func() {
					expect(t, tc.reason+": phones with a push", 1, len(w.phones))
					expect(t, tc.reason+": deferred pushes left", 0, len(w.deferrals))
				})
			})
		})
	}
}

// A push that waits for seconds does not wait for the next look that would find it anyway.
func TestAPushThatWaitsShortlyIsNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		const wait = 20 * time.Second
		w.onReserve = func(store.User, cache.PushRate) (time.Duration, bool, error) { return wait, true, nil }
		l := run(t, w)
		pass(10 * time.Second) // every shard was looked at
		l.say("alice", 1, "zzz")
		pass(delay + wait - time.Second)
		expect(t, "before its turn", []string{}, w.shows("bob-phone"))
		pass(time.Second + 8*time.Second)
		expect(t, "at its turn", []string{"alice: zzz"}, w.shows("bob-phone"))
	})
}

// What is due at once of one shard is more than a page.
func TestAShardIsSweptToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.log = append(w.log, batchOf(entry("alice", 1, "hi", time.Now())))
		w.stored["bob"].Read = 1
		run(t, w)
		due := time.Now().Add(time.Minute)
		for i := range 3*sweepPage + 1 {
			w.put("bob", due.Add(time.Duration(i)*time.Millisecond))
		}
		pass(4 * time.Minute)
		w.change(func() {
			expect(t, "deferred pushes left: they were read meanwhile", 0, len(w.deferrals))
			expect(t, "phones with a push", 0, len(w.phones))
		})
	})
}
