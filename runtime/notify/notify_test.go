package notify

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func expect[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAnUnconfirmedMessageIsPushedAfterTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		l := run(t, w)
		l.say("alice", 1, "hello\n\n  there ")
		pass(delay - time.Second)
		expect(t, "before the delay", []string{}, w.shows("bob-phone"))
		expect(t, "records done before the delay", []uint64{}, l.completed())
		pass(time.Second)
		expect(t, "after the delay", []string{"hello there"}, w.shows("bob-phone"))
		expect(t, "the sender's own phone", []string{}, w.shows("alice-phone"))
		expect(t, "records done", []uint64{1}, l.completed())
		expect(t, "the pushed mark", 1, w.pushed("bob"))
		m := w.phones["bob-phone"][0]
		expect(t, "title", "alice", m.Title)
		expect(t, "data", map[string]string{"conversation": "room", "seq": "1"}, m.Data)
		if len(m.CollapseID) > push.MaxCollapseIDBytes || m.CollapseID != CollapseID(w.conv) {
			t.Errorf("collapse id %q", m.CollapseID)
		}
		pass(time.Hour)
		expect(t, "an hour later", []string{"hello there"}, w.shows("bob-phone"))
	})
}

func TestMessagesOfAWindowAreOnePush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		l := run(t, w)
		for i, body := range bodies(3) {
			l.say("alice", uint64(i+1), body)
			pass(time.Second)
		}
		pass(delay)
		expect(t, "bob's phone", []string{"3 new messages"}, w.shows("bob-phone"))
		pass(delay)
		expect(t, "records done", []uint64{1, 2, 3}, l.completed())
		expect(t, "bob's phone after the younger messages' delay", []string{"3 new messages"}, w.shows("bob-phone"))
		expect(t, "the pushed mark", 3, w.pushed("bob"))
		l.say("alice", 4, "more")
		pass(delay)
		expect(t, "the next window", []string{"3 new messages", "4 new messages"}, w.shows("bob-phone"))
		if a, b := w.phones["bob-phone"][0].CollapseID, w.phones["bob-phone"][1].CollapseID; a != b {
			t.Errorf("collapse ids %q and %q: the phone would show both", a, b)
		}
	})
}

func TestWhoIsNotPushed(t *testing.T) {
	cases := map[string]struct {
		reason string
		set    func(w *world)
		want   []string
	}{
		"Nothing":       {"nobody has confirmed anything", func(*world) {}, []string{"hi"}},
		"FastDelivered": {"the cache knows that the phone has it", func(w *world) { w.fast["bob"] = cache.Marks{Delivered: map[string]uint64{"phone": 7}} }, []string{}},
		"Delivered":     {"the store knows, the cache was emptied", func(w *world) { w.stored["bob"].Delivered["phone"] = 7 }, []string{}},
		"CacheDown": {"the store is enough", func(w *world) {
			w.onMarks = func() error { return errBoom }
			w.stored["bob"].Delivered["phone"] = 9
		}, []string{}},
		"CacheDownPush": {"without the cache a push too many", func(w *world) {
			w.onMarks = func() error { return errBoom }
			w.fast["bob"] = cache.Marks{Read: 7}
		}, []string{"hi"}},
		"Behind":      {"what was confirmed is older", func(w *world) { w.fast["bob"] = cache.Marks{Delivered: map[string]uint64{"phone": 6}} }, []string{"hi"}},
		"OtherDevice": {"another device is no excuse", func(w *world) { w.fast["bob"] = cache.Marks{Delivered: map[string]uint64{"laptop": 7}} }, []string{"hi"}},
		"FastRead":    {"it was read anywhere", func(w *world) { w.fast["bob"] = cache.Marks{Read: 7} }, []string{}},
		"Read":        {"it was read anywhere", func(w *world) { w.stored["bob"].Read = 7 }, []string{}},
		"Pushed":      {"a push covered it before a restart", func(w *world) { w.stored["bob"].Pushed = 7 }, []string{}},
		"Left":        {"no member any more", func(w *world) { w.members[1].Left = 6 }, []string{}},
		"JustLeft":    {"left while the window was open", func(w *world) { w.stored["bob"].Left = 8 }, []string{}},
		"Gone":        {"the membership is gone", func(w *world) { delete(w.stored, "bob") }, []string{}},
		"Later":       {"joined after it", func(w *world) { w.members[1].Joined = 8 }, []string{}},
		"NoToken":     {"takes no pushes", func(w *world) { w.devices["bob"][0].PushToken = "" }, []string{}},
		"Web":         {"is no phone", func(w *world) { w.devices["bob"][0].PushChannel = "" }, []string{}},
		"NewDevice":   {"registered after it: starts at the head of that time", func(w *world) { w.devices["bob"][0].RegisteredAt = time.Now().Add(time.Hour) }, []string{}},
		"JustInTime":  {"registered about then: clocks differ", func(w *world) { w.devices["bob"][0].RegisteredAt = time.Now().Add(time.Second) }, []string{"hi"}},
		"NewConfirmed": {"registered later but caught up before", func(w *world) {
			w.devices["bob"][0].RegisteredAt = time.Now().Add(time.Hour)
			w.fast["bob"] = cache.Marks{Delivered: map[string]uint64{"phone": 6}}
		}, []string{"hi"}},
		"NewConfirmedEmptied": {"so does the store say, the cache was emptied", func(w *world) {
			w.devices["bob"][0].RegisteredAt = time.Now().Add(time.Hour)
			w.stored["bob"].Delivered["phone"] = 6
		}, []string{"hi"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "alice", "bob")
				tc.set(w)
				l := run(t, w)
				l.say("alice", 7, "hi")
				pass(delay)
				expect(t, tc.reason, tc.want, w.shows("bob-phone"))
				expect(t, "records done", []uint64{7}, l.completed())
			})
		})
	}
}

func TestSomeoneWhoReadsAlongIsNeverPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob", "carol")
		l := run(t, w)
		// Bob's phone confirms each message half a second after it; Carol's never does.
		for seq := uint64(1); seq <= 40; seq++ {
			l.say("alice", seq, "x")
			pass(500 * time.Millisecond)
			w.change(func() { w.fast["bob"] = cache.Marks{Delivered: map[string]uint64{"phone": seq}} })
		}
		pass(time.Minute)
		expect(t, "bob", []string{}, w.shows("bob-phone"))
		if got := w.shows("carol-phone"); len(got) < 3 || len(got) > 5 {
			t.Errorf("carol got %d pushes in 20 s of 40 messages, want about one each %v", len(got), delay)
		}
		expect(t, "carol's pushed mark", 40, w.pushed("carol"))
		expect(t, "records done", 40, len(l.completed()))
	})
}

func TestEveryDeviceIsCoveredByItsOwnMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.device("bob", "tablet")
		l := run(t, w)
		l.say("alice", 1, "one")
		pass(delay - time.Second)
		w.change(func() { w.fast["bob"] = cache.Marks{Delivered: map[string]uint64{"phone": 1}} })
		l.say("alice", 2, "two") // the phone has a second so far to confirm it
		pass(time.Second)
		expect(t, "the tablet", []string{"2 new messages"}, w.shows("bob-tablet"))
		expect(t, "the phone", []string{}, w.shows("bob-phone"))
		expect(t, "the pushed mark stops at what both are covered for", 1, w.pushed("bob"))
		pass(delay)
		expect(t, "the phone never confirmed the second", []string{"two"}, w.shows("bob-phone"))
		expect(t, "the pushed mark", 2, w.pushed("bob"))
		expect(t, "records done", []uint64{1, 2}, l.completed())
	})
}

func TestWhoJoinsWithinAWindowIsPushedWhatCameAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.members[1].Joined = 2
		l := run(t, w)
		l.say("alice", 1, "before bob came")
		l.say("alice", 3, "hello bob")
		pass(delay)
		expect(t, "the phone", []string{"hello bob"}, w.shows("bob-phone"))
	})
}

func TestGroupsNameTheSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob", "carol")
		l := run(t, w)
		l.add(log0, w.conv, store.Group, &logpb.Batch{Entries: []*logpb.Entry{
			entry("alice", 1, "hi", time.Now()), entry("bob", 2, "hey", time.Now()),
		}}, func() {})
		pass(delay)
		expect(t, "alice", []string{"bob: hey"}, w.shows("alice-phone"))
		expect(t, "bob", []string{"alice: hi"}, w.shows("bob-phone"))
		expect(t, "carol", []string{"2 new messages"}, w.shows("carol-phone"))
		expect(t, "title", "The Room", w.phones["carol-phone"][0].Title)
	})
}

func TestOnlyMessagesArePushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		l := run(t, w)
		l.batch(&logpb.Entry{Seq: 1, Sender: "alice", AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_Renamed{Renamed: &logpb.Renamed{Title: "x"}}})
		expect(t, "done at once", []uint64{1}, l.completed())
		pass(time.Hour)
		expect(t, "pushes", 0, w.sends)
	})
}

func TestAReplayIsLateAndNotWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.stored["bob"].Pushed = 1
		l := run(t, w)
		past := time.Now().Add(-time.Hour)
		l.batch(entry("alice", 1, "covered before", past), entry("alice", 2, "owed", past))
		l.batch(entry("alice", 2, "owed", past)) // published twice
		synctest.Wait()
		expect(t, "at once, without a window from now", []string{"2 new messages"}, w.shows("bob-phone"))
		l.batch(entry("alice", 2, "owed", past)) // and again, after it was decided
		l.batch(entry("alice", 3, "of a clock that is wrong", time.Now().Add(1000*time.Hour)))
		pass(delay)
		expect(t, "after the delay", []string{"2 new messages", "3 new messages"}, w.shows("bob-phone"))
		expect(t, "records done", []uint64{2, 2, 2, 3}, l.completed())
	})
}

func TestARevokedPartitionIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.answer = func(push.Message) push.Result { return push.Result{Outcome: push.Retry} }
		l := run(t, w)
		l.say("alice", 1, "retried when it moves")
		pass(delay)
		l.say("alice", 2, "waiting when it moves")
		l.Revoked("log", 0)
		w.change(func() { w.answer = func(push.Message) push.Result { return push.Result{Outcome: push.Delivered} } })
		pass(time.Hour)
		expect(t, "the phone", []string{}, w.shows("bob-phone"))
		expect(t, "records done: the next owner's", []uint64{}, l.completed())
		l.say("alice", 1, "it came back")
		pass(delay)
		expect(t, "after it came back", []string{"it came back"}, w.shows("bob-phone"))
	})
}

func TestLargeGroupsAreLookedAtAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 5000 {
			id := "u" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + time.Duration(i).String()
			w.join(id, 1)
			w.device(id, "phone")
		}
		slow := &slowSender{world: w}
		l := run(t, w, func(o *Options) { o.Sender = slow; o.Members = 50 })
		l.say("nobody", 1, "hi")
		pass(delay + time.Hour)
		if len(w.phones) != 5000 {
			t.Errorf("%d phones were pushed, want 5000", len(w.phones))
		}
		if w.concurrent.most > 50 {
			t.Errorf("%d members at once, want at most 50", w.concurrent.most)
		}
	})
}

func TestNothingPrivateIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		outcomes := []push.Outcome{push.Failed, push.Throttled, push.Retry, push.Invalid, push.Unregistered}
		var log strings.Builder
		w.answer = func(push.Message) push.Result {
			o := outcomes[0]
			outcomes = append(outcomes[1:], o)
			return push.Result{Outcome: o, Reason: "other"}
		}
		l := run(t, w, func(o *Options) {
			o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			o.Attempts = 2
		})
		for i := range uint64(10) {
			l.say("alice", i+1, "private-body")
			pass(time.Minute)
		}
		pass(time.Hour)
		if log.Len() == 0 || strings.Contains(log.String(), "private-body") || strings.Contains(log.String(), "bob-phone") {
			t.Errorf("the log holds a body or a token, or nothing:\n%s", log.String())
		}
	})
}

func TestOptionsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	good := Options{Store: w, Cache: w, Sender: w, Application: "app", Delay: delay}
	cases := map[string]struct {
		reason string
		change func(*Options)
	}{
		"NoStore":       {"there would be no members", func(o *Options) { o.Store = nil }},
		"NoApplication": {"there would be nothing to send with", func(o *Options) { o.Application = "" }},
		"NoDelay":       {"everybody would be pushed at once", func(o *Options) { o.Delay = 0 }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := good
			tc.change(&o)
			if _, err := New(o); err == nil {
				t.Errorf("accepted, but %s", tc.reason)
			}
		})
	}
}

func TestCollapseIDs(t *testing.T) {
	seen := map[string]string{}
	for _, tenant := range []store.Tenant{"a", "a1", "1"} {
		for _, conv := range []string{"b", "1b", "b1"} {
			c, err := store.NewConv(tenant, conv)
			if err != nil {
				t.Fatal(err)
			}
			id := CollapseID(c)
			if id != CollapseID(c) || len(id) != 43 {
				t.Fatalf("%q is not stable, or not 43 bytes", id)
			}
			if other, ok := seen[id]; ok {
				t.Errorf("%q stands for %s and %s", id, other, c)
			}
			seen[id] = c.String()
		}
	}
}

func TestPreviews(t *testing.T) {
	cases := map[string]struct{ reason, body, want string }{
		"Plain":   {"as it is", "hello", "hello"},
		"Spaces":  {"one line", "\ta \r\n b\u0000", "a b"},
		"Long":    {"bounded, by runes", strings.Repeat("ä", 300), strings.Repeat("ä", 200) + "…"},
		"Invalid": {"valid UTF-8", "a\xffb", "a\uFFFDb"},
		"Empty":   {"nothing", " \n", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) { expect(t, tc.reason, tc.want, previewOf(tc.body)) })
	}
}
