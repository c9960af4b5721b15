package clients

import (
	"fmt"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func receiving() []Case {
	return []Case{
		{"Receiving/InOrder", "entries are shown in the order of their seqs", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 2)...)
			c.entries(group, run(3, 3)...)
			w.shows(lines(1, 3)...)
		}},
		{"Receiving/Repeated", "entries come again: a client passes over what it has", func(w *world) {
			c := w.begin(3)
			c.entries(group, run(1, 3)...)
			c.entries(group, run(4, 4)...)
			w.shows(lines(1, 4)...)
			w.arrived(1, 4)
		}},
		{"Receiving/Overlapping", "of entries that begin before what the client has and end behind, the new ones count", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 3)...)
			c.entries(group, run(2, 5)...)
			w.shows(lines(1, 5)...)
			w.arrived(1, 5)
		}},
		{"Receiving/RepeatedIsConfirmedAgain", "entries that come again say that the server has lost the mark", func(w *world) {
			c := w.begin(3)
			before := len(c.of(protocol.TypeDelivered))
			c.entries(group, run(1, 3)...)
			if f := c.next(before+1, protocol.TypeDelivered); f.Seq != 3 {
				w.Errorf("delivered %d is told, want 3", f.Seq)
			}
		}},
		{"Receiving/Missing", "when entries begin after what the client has plus one, it pages what lies between", func(w *world) {
			c := w.begin(2)
			w.keep(group, run(1, 9)...)
			c.entries(group, run(6, 9)...)
			w.shows(lines(1, 9)...)
			c.mark(protocol.TypeDelivered, group, 9)
		}},
		{"Receiving/MissingForGood", "what the history does not show either is not this user's to see", func(w *world) {
			c := w.begin(2)
			w.keep(group, slices.Concat(run(1, 2), run(6, 7))...)
			c.entries(group, run(6, 7)...)
			w.shows(append(lines(1, 2), lines(6, 7)...)...)
			c.mark(protocol.TypeDelivered, group, 7)
		}},
		{"Receiving/FollowsWhileMissing", "entries that come while something before them is fetched wait for their turn", func(w *world) {
			c := w.begin(1)
			w.keep(group, run(1, 260)...)
			c.entries(group, run(251, 255)...)
			c.entries(group, run(256, 260)...)
			w.shows(lines(1, 260)...)
			w.arrived(1, 260)
		}},
		{"Receiving/Gap", "where much is missed the client pages from … to, then or when somebody looks", func(w *world) { w.gap(300) }},
		{"Receiving/LargeGap", "the same where the client would rather not have it all at once", func(w *world) { w.gap(900) }},
		{"Receiving/GapThatIsNone", "a gap that ends before what the client has tells it nothing but that its mark was lost", func(w *world) {
			c := w.begin(5)
			before := len(c.of(protocol.TypeDelivered))
			c.say(protocol.ServerFrame{Type: protocol.TypeGap, Conversation: group, From: 2, To: 4})
			c.next(before+1, protocol.TypeDelivered)
			c.entries(group, run(5, 6)...)
			w.shows(lines(1, 6)...)
		}},
		{"Receiving/UnknownKind", "kinds may be added: nothing is shown, the seq counts", func(w *world) {
			c := w.start()
			c.sayRaw(map[string]any{"type": "entries", "conversation": group, "entries": []any{
				said(1, "m1"),
				map[string]any{"seq": 2, "sender": "bob", "at_ms": 1, "count": 1, "kind": "poll_opened", "question": map[string]any{"of": []int{1}}},
				map[string]any{"seq": 3, "sender": "bob", "at_ms": 1, "count": 1, "kind": "unknown"},
				said(4, "m4"),
			}})
			c.entries(group, said(5, "m5"))
			w.shows("1 m1", "4 m4", "5 m5")
			c.mark(protocol.TypeDelivered, group, 5)
		}},
		{"Receiving/UnknownFields", "fields that a client does not know are ignored, wherever they are", func(w *world) {
			c := w.start()
			c.sayRaw(map[string]any{"type": "entries", "conversation": group, "trace": "x", "entries": []any{
				map[string]any{"seq": 1, "sender": "bob", "at_ms": 1, "count": 1, "kind": "message", "body": "m1", "mood": []any{nil, 1.5, "x"}},
			}})
			w.shows("1 m1")
		}},
		{"Receiving/UnknownFrames", "a frame of a type that a client does not know is ignored", func(w *world) {
			c := w.start()
			c.sayRaw(map[string]any{"type": "announcement", "text": "hello", "conversation": group})
			c.sayRaw(map[string]any{"type": "error", "code": "something_new", "detail": "of a later release"})
			c.entries(group, said(1, "m1"))
			w.shows("1 m1")
			if n := w.connections(); n != 1 {
				w.Errorf("%d connections, want the first", n)
			}
		}},
		{"Receiving/Conversations", "each conversation has its own order", func(w *world) {
			c := w.start()
			w.do(Command{Op: "open", Conversation: "g-2"})
			c.entries(group, run(1, 1)...)
			c.entries("g-2", run(1, 2)...)
			c.entries(group, run(2, 2)...)
			w.shows(lines(1, 2)...)
			w.until("showing the other", func(s State) bool { return len(s.Shown["g-2"]) == 2 })
			c.mark(protocol.TypeDelivered, "g-2", 2)
		}},
		{"Receiving/Resumed", "after a reconnect the server may go on before what the client has", func(w *world) {
			c := w.begin(3)
			c.close(1006)
			c = w.accept()
			c.entries(group, run(2, 6)...)
			w.shows(lines(1, 6)...)
			w.arrived(1, 6)
		}},
		{"Receiving/Restarted", "what was confirmed before a restart is not new after it", func(w *world) {
			w.begin(3)
			w.do(Command{Op: "crash"})
			c := w.start()
			c.entries(group, run(2, 5)...)
			c.mark(protocol.TypeDelivered, group, 5)
			w.arrived(4, 5)
		}},
	}
}

// begin has the client receive the first so many entries. Until then the history shows none: a client that reads it first would have
// them from there.
func (w *world) begin(n uint64) *conn {
	w.Helper()
	c := w.start()
	c.entries(group, run(1, n)...)
	w.shows(lines(1, n)...)
	c.mark(protocol.TypeDelivered, group, n)
	return c
}

// gap has the client miss so many entries.
func (w *world) gap(missed uint64) {
	w.Helper()
	end := missed + 10
	c := w.begin(5)
	w.keep(group, run(1, end)...)
	c.say(protocol.ServerFrame{Type: protocol.TypeGap, Conversation: group, From: 6, To: missed + 5})
	c.entries(group, run(missed+6, end)...)
	c.mark(protocol.TypeDelivered, group, end)
	want := lines(1, end)
	w.until("having it all", func(s State) bool {
		shown := s.Shown[group]
		if len(shown) == 0 || shown[0].Seq > 1 {
			w.do(Command{Op: "older", Conversation: group})
			return false
		}
		return len(shown) == len(want)
	})
	w.shows(want...)
}

// arrived waits until exactly the messages from one seq to another were told of as new, in order.
func (w *world) arrived(from, to uint64) {
	w.Helper()
	var want []uint64
	for seq := from; seq <= to; seq++ {
		want = append(want, seq)
	}
	s := w.until(fmt.Sprintf("having told of %d new ones", len(want)), func(s State) bool { return len(s.Arrived[group]) >= len(want) })
	if got := s.Arrived[group]; !slices.Equal(got, want) {
		w.Errorf("told of as new: %v, want %v", got, want)
	}
}
