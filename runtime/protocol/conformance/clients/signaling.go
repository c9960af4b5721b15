package clients

import (
	"slices"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func signaling() []Case {
	return []Case{
		{"Signaling/Typing", "who writes is shown, until they are said to have stopped", func(w *world) {
			c := w.start()
			w.do(Command{Op: "typing", Conversation: group, Active: true})
			if f := c.next(1, protocol.TypeTyping); f.Conversation != group || !f.Active {
				w.Errorf("told: %+v", f.ClientFrame)
			}
			w.do(Command{Op: "typing", Conversation: group})
			if f := c.next(2, protocol.TypeTyping); f.Active {
				w.Errorf("told: %+v", f.ClientFrame)
			}
			c.say(protocol.ServerFrame{Type: protocol.TypeTyping, Conversation: group, User: "bob", Active: true})
			w.until("bob writes", func(s State) bool { return slices.Equal(s.Typing[group], []string{"bob"}) })
			c.say(protocol.ServerFrame{Type: protocol.TypeTyping, Conversation: group, User: "bob"})
			w.until("bob has stopped", func(s State) bool { return len(s.Typing[group]) == 0 })
		}},
		{"Signaling/Presence", "a frame of presence tells who has changed; the others are as they were", func(w *world) {
			c := w.start()
			w.do(Command{Op: "watch", Users: []string{"bob", "carol"}})
			f := c.next(1, protocol.TypePresence)
			slices.Sort(f.Users)
			if !slices.Equal(f.Users, []string{"bob", "carol"}) {
				w.Errorf("watched: %q", f.Users)
			}
			c.say(protocol.ServerFrame{Type: protocol.TypePresence, Presence: []protocol.Presence{{User: "bob", Online: true}, {User: "carol"}}})
			w.until("bob is there", func(s State) bool { return s.Presence["bob"] && !s.Presence["carol"] })
			c.say(protocol.ServerFrame{Type: protocol.TypePresence, Presence: []protocol.Presence{{User: "carol", Online: true}}})
			w.until("both are there", func(s State) bool { return s.Presence["bob"] && s.Presence["carol"] })
		}},
		{"Signaling/WatchesAgain", "a watch ends with the connection: the next one is told of it", func(w *world) {
			c := w.start()
			w.do(Command{Op: "watch", Users: []string{"bob"}})
			c.next(1, protocol.TypePresence)
			c.close(1006)
			if f := w.accept().next(1, protocol.TypePresence); !slices.Equal(f.Users, []string{"bob"}) {
				w.Errorf("watched: %q", f.Users)
			}
		}},
	}
}
