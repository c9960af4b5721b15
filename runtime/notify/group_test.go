package notify

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// group is a world of a group with many members, each with a phone.
func group(t *testing.T, members int) *world {
	w := newWorld(t)
	for i := range members {
		id := fmt.Sprint("u", i)
		w.join(id, 1)
		w.device(id, "phone")
	}
	return w
}

func TestAGroupSharesCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := group(t, 1000)
		l := run(t, w)
		l.add(log0, w.conv, store.Group, &logpb.Batch{Entries: []*logpb.Entry{entry("nobody", 1, "hi", time.Now())}}, func() {})
		pass(delay)
		expect(t, "phones", 1000, len(w.phones))
		expect(t, "calls of the sender", 10, w.sends)
		first := w.phones["u0-phone"][0]
		for token, got := range w.phones {
			same := got[0]
			same.Address = first.Address
			expect(t, token+" is sent the same, so that a call serves many", first, same)
		}
	})
}

// In a busy group whose members confirm, a message costs no read of the store for each of them.
func TestABusyGroupThatConfirmsCostsTheStoreLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const members, seconds = 200, 60
		w := group(t, members)
		l := run(t, w)
		for seq := uint64(1); seq <= seconds; seq++ {
			l.say("nobody", seq, "x")
			pass(time.Second)
			w.change(func() {
				for i := range members {
					w.fast[fmt.Sprint("u", i)] = cache.Marks{Delivered: map[string]uint64{"phone": seq}}
				}
			})
		}
		pass(time.Minute)
		expect(t, "pushes", 0, w.sends)
		expect(t, "records done", seconds, len(l.completed()))
		expect(t, "windows left", 0, len(l.windows))
		if perMessage := float64(w.deviceReads) / seconds; perMessage > members/2 {
			t.Errorf("%.0f reads of devices for a message in a group of %d", perMessage, members)
		}
		if w.memberReads > seconds {
			t.Errorf("members were listed %d times for %d messages", w.memberReads, seconds)
		}
	})
}

// A device that was registered after the list was read is owed what comes from then on.
func TestADeviceThatIsNewerThanTheRosterIsPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		w.fast["bob"] = cache.Marks{Delivered: map[string]uint64{"phone": 1000}}
		l := run(t, w)
		l.say("alice", 1, "one")
		pass(delay)
		w.change(func() { w.device("bob", "tablet") })
		pass(time.Second)
		l.say("alice", 2, "two")
		pass(delay)
		expect(t, "the new tablet", []string{"two"}, w.shows("bob-tablet"))
	})
}
