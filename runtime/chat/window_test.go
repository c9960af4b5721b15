package chat

import (
	"strconv"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestWindowIsBounded(t *testing.T) {
	w := newWindow(1)
	entry := func(seq uint64) *logpb.Entry {
		return &logpb.Entry{Seq: seq, Sender: "ann", ClientMsgId: strconv.FormatUint(seq, 10)}
	}
	const n = 3 * windowMax
	for seq := uint64(1); seq <= n; seq++ {
		w.add(entry(seq))
	}
	if len(w.places) > windowMax+windowMax/4 || len(w.places) < windowMax {
		t.Errorf("%d places, want about %d", len(w.places), windowMax)
	}
	for _, seq := range []uint64{n, n - windowMax + 1, w.from} {
		if p, ok := w.find(name{"ann", strconv.FormatUint(seq, 10)}); !ok || p.seq != seq {
			t.Errorf("seq %d: got %v, %v", seq, p, ok)
		}
	}
	if _, ok := w.find(name{"ann", strconv.FormatUint(w.from-1, 10)}); ok {
		t.Error("what was trimmed is still found")
	}
	w.trim(10)
	var older []*logpb.Entry
	for seq := w.from - 5; seq < w.from; seq++ {
		older = append(older, entry(seq))
	}
	w.prepend(older)
	if w.from != n-14 || len(w.places) != 15 || len(w.names) != 15 {
		t.Errorf("from %d with %d places and %d names, want %d with 15", w.from, len(w.places), len(w.names), n-14)
	}
}

func TestMembersFoldWhatTheyDoNotKnowYet(t *testing.T) {
	user := func(id string) store.User { return userOf(t, id) }
	added := func(seq uint64, id string) *logpb.Entry {
		return &logpb.Entry{Seq: seq, Kind: &logpb.Entry_MembersAdded{MembersAdded: &logpb.MembersAdded{Members: []*logpb.Member{{User: id}}}}}
	}
	removed := func(seq uint64, id string) *logpb.Entry {
		return &logpb.Entry{Seq: seq, Kind: &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{id}}}}
	}
	cases := map[string]struct {
		reason  string
		list    []store.Member
		entries []*logpb.Entry
		want    bool
		current int
	}{
		"Comes":      {"An entry brings a user.", nil, []*logpb.Entry{added(5, "ann")}, true, 1},
		"Goes":       {"An entry takes a user away.", []store.Member{{User: user("ann"), Joined: 1}}, []*logpb.Entry{removed(5, "ann")}, false, 0},
		"ComesAgain": {"A user may come back.", []store.Member{{User: user("ann"), Joined: 1, Left: 5}}, []*logpb.Entry{added(6, "ann")}, true, 1},
		"KnownLeave": {"The list is newer than the log: the user has left.", []store.Member{{User: user("ann"), Joined: 5, Left: 7}},
			[]*logpb.Entry{added(5, "ann"), removed(7, "ann")}, false, 0},
		"KnownReturn": {"The list is newer than the log: the user has come back.", []store.Member{{User: user("ann"), Joined: 9}},
			[]*logpb.Entry{added(5, "ann"), removed(7, "ann"), added(9, "ann")}, true, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := newMembers(tc.list)
			for _, e := range tc.entries {
				m.apply(e)
			}
			if got := m.is("ann"); got != tc.want || m.current != tc.current {
				t.Errorf("%s\ngot member %v of %d, want %v of %d", tc.reason, got, m.current, tc.want, tc.current)
			}
		})
	}
}
