package clients

import (
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func marking() []Case {
	return []Case{
		{"Marking/Delivered", "delivered says what the device has kept: without it the server goes on before", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 3)...)
			c.mark(protocol.TypeDelivered, group, 3)
		}},
		{"Marking/Cumulative", "marks are collected: one says what many would", func(w *world) {
			c := w.start()
			const all = 200
			for _, e := range run(1, all) {
				c.entries(group, e)
			}
			c.mark(protocol.TypeDelivered, group, all)
			marks := c.of(protocol.TypeDelivered)
			if len(marks) > all/4 {
				w.Errorf("%d marks for %d entries", len(marks), all)
			}
			for i := 1; i < len(marks); i++ {
				if marks[i].Seq < marks[i-1].Seq {
					w.Errorf("delivered %d after %d", marks[i].Seq, marks[i-1].Seq)
				}
			}
		}},
		{"Marking/Read", "read is what the user has seen, and only rises", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 5)...)
			w.showsToo(5)
			w.do(Command{Op: "read", Conversation: group, Seq: 4})
			c.mark(protocol.TypeRead, group, 4)
			w.do(Command{Op: "read", Conversation: group, Seq: 2})
			w.do(Command{Op: "read", Conversation: group, Seq: 5})
			c.mark(protocol.TypeRead, group, 5)
			for _, f := range c.of(protocol.TypeRead) {
				if f.Seq < 4 {
					w.Errorf("read %d is told after 4", f.Seq)
				}
			}
		}},
		{"Marking/SaidAgain", "latest marks are told again after each reconnect: the server may have lost them with the connection", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 5)...)
			w.showsToo(5)
			w.do(Command{Op: "read", Conversation: group, Seq: 3})
			c.mark(protocol.TypeDelivered, group, 5)
			c.mark(protocol.TypeRead, group, 3)
			c.close(1006)
			c = w.accept()
			c.mark(protocol.TypeDelivered, group, 5)
			c.mark(protocol.TypeRead, group, 3)
		}},
		{"Marking/WhileAway", "what the user reads without a connection is told with the next", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 5)...)
			w.showsToo(5)
			c.close(1006)
			c = w.hello()
			w.do(Command{Op: "read", Conversation: group, Seq: 5})
			c.say(protocol.ServerFrame{Type: protocol.TypeWelcome, User: user, Device: device, MaxBodyBytes: protocol.MaxBodyBytes})
			c.mark(protocol.TypeRead, group, 5)
		}},
		{"Marking/SendingReadsNothing", "sending says neither mark: who writes has not read what stands above", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 2)...)
			w.showsToo(2)
			w.send("one", "hello")
			f := c.change(1)
			c.ack(f, 3)
			c.entries(group, own(f, 3))
			c.mark(protocol.TypeDelivered, group, 3)
			if marks := c.of(protocol.TypeRead); len(marks) > 0 {
				w.Errorf("read %d is told, and the user has read nothing", marks[0].Seq)
			}
		}},
		{"Marking/NoMember", "a mark is answered by an error where the user is no member: nothing else comes of it", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 1)...)
			c.mark(protocol.TypeDelivered, group, 1)
			c.say(protocol.ServerFrame{Type: protocol.TypeError, Conversation: group, Code: protocol.CodeNotMember})
			w.do(Command{Op: "send", Conversation: "g-2", Tag: "one", Body: "hello"})
			c.ack(c.change(1), 1)
			w.answered("one", Answer{Seq: 1})
		}},
	}
}
