package notify

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func edited(seq, target uint64, body string) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: "alice", AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: target, Body: body}}}
}

func deleted(seq, target uint64) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: "alice", AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_Deleted{Deleted: &logpb.Deleted{Target: target}}}
}

// by is the verdict as the processor's.
func by(processor string, e *logpb.Entry) *logpb.Entry {
	e.GetVerdict().Processor = processor
	return e
}

func verdict(seq, target uint64, action string) *logpb.Entry {
	return &logpb.Entry{Seq: seq, AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_Verdict{Verdict: &logpb.Verdict{Target: target, Action: action}}}
}

func TestAPushShowsWhatBecameOfTheMessage(t *testing.T) {
	now := func(body string, change func(*logpb.Message)) *logpb.Entry {
		e := entry("alice", 1, body, time.Now())
		change(e.GetMessage())
		return e
	}
	cases := map[string]struct {
		reason  string
		entries func() []*logpb.Entry
		want    []string
	}{
		"Edited":     {"the new body", func() []*logpb.Entry { return []*logpb.Entry{edited(2, 1, "corrected")} }, []string{"corrected"}},
		"Deleted":    {"there is nothing to show", func() []*logpb.Entry { return []*logpb.Entry{deleted(2, 1)} }, []string{}},
		"EditedLate": {"a deletion is final", func() []*logpb.Entry { return []*logpb.Entry{deleted(2, 1), edited(3, 1, "again")} }, []string{}},
		"Hidden":     {"a moderator took it away", func() []*logpb.Entry { return []*logpb.Entry{verdict(2, 1, "hide")} }, []string{}},
		"HiddenEdit": {"an edit does not bring it back", func() []*logpb.Entry { return []*logpb.Entry{verdict(2, 1, "hide"), edited(3, 1, "x")} }, []string{}},
		"HiddenBy": {"what another processor masks stays hidden", func() []*logpb.Entry {
			return []*logpb.Entry{by("spam", verdict(2, 1, "hide")), by("profanity", verdict(3, 1, "mask"))}
		}, []string{}},
		"Reverted": {"and gave it back: its body is not kept", func() []*logpb.Entry { return []*logpb.Entry{verdict(2, 1, "hide"), verdict(3, 1, "none")} }, []string{"1 new message"}},
		"Masked":   {"what is masked shows nothing", func() []*logpb.Entry { return []*logpb.Entry{verdict(2, 1, "mask")} }, []string{"1 new message"}},
		"Flagged":  {"a flag is for moderators", func() []*logpb.Entry { return []*logpb.Entry{verdict(2, 1, "flag")} }, []string{"hi"}},
		"One":      {"of two, one is gone", func() []*logpb.Entry { return []*logpb.Entry{entry("alice", 2, "second", time.Now()), deleted(3, 1)} }, []string{"second"}},
		"Elsewhere": {"about a message that is not waiting", func() []*logpb.Entry {
			return []*logpb.Entry{edited(2, 77, "x"), deleted(3, 78), verdict(4, 0, "hide")}
		}, []string{"hi"}},
	}
	for name, tc := range cases {
		for _, together := range []bool{false, true} {
			t.Run(fmt.Sprint(name, "/same record ", together), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, "alice", "bob")
					l := run(t, w)
					entries := append([]*logpb.Entry{entry("alice", 1, "hi", time.Now())}, tc.entries()...)
					if together {
						l.batch(entries...)
					} else {
						for _, e := range entries {
							l.batch(e)
						}
					}
					pass(3 * delay)
					expect(t, tc.reason, tc.want, w.shows("bob-phone"))
					if n := len(l.completed()); together && n != 1 || !together && n != len(entries) {
						t.Errorf("%d records are done", n)
					}
					expect(t, "windows", 0, len(l.windows))
				})
			})
		}
	}
	folded := map[string]struct {
		reason string
		change func(*logpb.Message)
		want   []string
	}{
		"Deleted": {"a batch that is published again has its changes folded in", func(m *logpb.Message) { m.Deleted, m.Body = true, "" }, []string{}},
		"Hidden":  {"hidden", func(m *logpb.Message) { m.Verdict = &logpb.Verdict{Action: "hide"} }, []string{}},
		"Masked":  {"masked", func(m *logpb.Message) { m.Verdict = &logpb.Verdict{Action: "mask"} }, []string{"1 new message"}},
	}
	for name, tc := range folded {
		t.Run("Folded"+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "alice", "bob")
				l := run(t, w)
				l.batch(now("hi", tc.change))
				pass(delay)
				expect(t, tc.reason, tc.want, w.shows("bob-phone"))
			})
		})
	}
}

func TestWhatIsDeletedWhileAPushIsRetriedIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.answer = func(push.Message) push.Result { return push.Result{Outcome: push.Retry} }
		l := run(t, w)
		l.say("alice", 1, "secret")
		l.say("alice", 2, "fine")
		pass(delay + time.Second)
		l.batch(deleted(3, 1))
		w.change(func() { w.answer = func(push.Message) push.Result { return push.Result{Outcome: push.Delivered} } })
		pass(time.Minute)
		expect(t, "the phone", []string{"fine"}, w.shows("bob-phone"))
		expect(t, "windows", 0, len(l.windows))
	})
}

// A push that was accepted covers what it was about, and not what came while another device's was retried.
func TestAnAcceptedPushCoversNothingYounger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.device("bob", "tablet")
		broken := true
		w.answer = func(m push.Message) push.Result {
			if broken && m.Address == "bob-tablet" {
				return push.Result{Outcome: push.Retry}
			}
			return push.Result{Outcome: push.Delivered}
		}
		l := run(t, w)
		l.say("alice", 1, "one")
		pass(delay)
		expect(t, "the phone", []string{"one"}, w.shows("bob-phone"))
		l.say("alice", 2, "two")
		w.change(func() { broken = false })
		pass(2 * time.Second)
		expect(t, "the tablet", []string{"2 new messages"}, w.shows("bob-tablet"))
		expect(t, "the pushed mark stops at what both are covered for", 1, w.pushed("bob"))
		pass(delay)
		expect(t, "the phone is owed the second", []string{"one", "2 new messages"}, w.shows("bob-phone"))
		expect(t, "the pushed mark", 2, w.pushed("bob"))
	})
}

func TestAPushCountsWhatIsUnseenSinceEarlierPushes(t *testing.T) {
	cases := map[string]struct {
		reason string
		before []*logpb.Entry
		set    func(w *world)
		want   string
	}{
		"None":      {"nothing came before", nil, func(*world) {}, "now"},
		"Seen":      {"what was confirmed is not new", talk(1, 9, "alice"), func(w *world) { w.stored["bob"].Delivered["phone"] = 9 }, "now"},
		"Read":      {"nor is what was read elsewhere", talk(1, 9, "alice"), func(w *world) { w.stored["bob"].Read = 9 }, "now"},
		"Unseen":    {"all since the mark", talk(1, 9, "alice"), func(w *world) { w.stored["bob"].Delivered["phone"] = 5 }, "5 new messages"},
		"Own":       {"one's own are not new", append(talk(1, 5, "alice"), talk(6, 9, "bob")...), func(*world) {}, "6 new messages"},
		"Deleted":   {"nor what was deleted", append(talk(1, 7, "alice"), deleted(8, 1), verdict(9, 2, "hide")), func(*world) {}, "6 new messages"},
		"Joined":    {"nor what came before one joined", talk(1, 9, "alice"), func(w *world) { w.members[1].Joined, w.stored["bob"].Joined = 8, 8 }, "3 new messages"},
		"Many":      {"a number with an end", talk(1, 300, "alice"), func(*world) {}, "99+ new messages"},
		"Reactions": {"much happened and few wrote: at least", append(talk(1, 100, "alice"), noise(101, 300)...), func(*world) {}, "1+ new messages"},
		"Unreadable": {"the log cannot be read: a push must not wait for a count", talk(1, 9, "alice"), func(w *world) {
			w.onRead = func() error { return errBoom }
		}, "now"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "alice", "bob")
				next := uint64(len(tc.before) + 1)
				for _, e := range tc.before {
					w.log = append(w.log, &logpb.Batch{Entries: []*logpb.Entry{e}})
				}
				w.stored["bob"].Pushed = next - 1
				w.devices["bob"][0].RegisteredAt = time.Time{}
				tc.set(w)
				l := run(t, w)
				l.say("alice", next, "now")
				pass(delay)
				expect(t, tc.reason, []string{tc.want}, w.shows("bob-phone"))
			})
		})
	}
}

// talk is entries of messages from first to last.
func talk(first, last uint64, sender string) []*logpb.Entry {
	var out []*logpb.Entry
	for seq := first; seq <= last; seq++ {
		out = append(out, entry(sender, seq, fmt.Sprint("m", seq), time.Unix(0, 0)))
	}
	return out
}

// noise is entries that count as nothing.
func noise(first, last uint64) []*logpb.Entry {
	var out []*logpb.Entry
	for seq := first; seq <= last; seq++ {
		out = append(out, &logpb.Entry{Seq: seq, Sender: "alice", Kind: &logpb.Entry_Reacted{Reacted: &logpb.Reacted{Target: 1, Emoji: "👍"}}})
	}
	return out
}

func TestPrivatePushesShowNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob", "carol")
		w.devices["bob"][0].Preferences.Private = true
		l := run(t, w)
		say := func(seq uint64, body string) {
			l.add(log0, w.conv, store.Group, &logpb.Batch{Entries: []*logpb.Entry{entry("alice", seq, body, time.Now())}}, func() {})
		}
		say(1, "secret")
		pass(delay)
		w.change(func() { w.fast["bob"] = cache.Marks{Delivered: map[string]uint64{"phone": 1}} })
		say(2, "secret")
		say(3, "secret")
		pass(delay)
		expect(t, "bob", []string{"1 new message", "2 new messages"}, w.shows("bob-phone"))
		for _, m := range w.phones["bob-phone"] {
			expect(t, "title", "", m.Title)
			expect(t, "data opens the conversation", "room", m.Data[DataConversation])
		}
		expect(t, "carol wants it as it is", "alice: secret", w.shows("carol-phone")[0])
	})
}

func TestBadges(t *testing.T) {
	set := func(totals map[string]int, err error) func([]string) (map[string]int, error) {
		return func([]string) (map[string]int, error) { return totals, err }
	}
	seven, two := 7, 2
	cases := map[string]struct {
		reason  string
		unread  func([]string) (map[string]int, error)
		channel string
		want    *int
	}{
		"Total":     {"all conversations'", set(map[string]int{"bob": 7}, nil), "APNS", &seven},
		"Behind":    {"the read model has not seen what is pushed", set(map[string]int{"bob": 1}, nil), "APNS", &two},
		"Unknown":   {"the read model does not know the user", set(nil, nil), "APNS", nil},
		"Down":      {"a badge is not worth a push", set(nil, errBoom), "APNS", nil},
		"NoSuchHas": {"Android has none", set(map[string]int{"bob": 7}, nil), "GCM", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "alice", "bob")
				w.devices["bob"][0].PushChannel = tc.channel
				w.onUnread = tc.unread
				l := run(t, w)
				l.say("alice", 1, "one")
				l.say("alice", 2, "two")
				pass(delay)
				expect(t, "the push", []string{"2 new messages"}, w.shows("bob-phone"))
				expect(t, tc.reason, tc.want, w.phones["bob-phone"][0].Badge)
			})
		})
	}
}
