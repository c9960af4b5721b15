package clients

import (
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// hint is a wait that the server asks for: long enough to be told from none.
const hint = 300 * time.Millisecond

func sending() []Case {
	cases := []Case{
		{"Sending/Acknowledged", "an ack says that it is stored, and where", func(w *world) {
			c := w.start()
			w.send("one", "hello")
			f := c.change(1)
			if f.Type != protocol.TypeSend || f.Conversation != group || f.Body != "hello" || f.ClientMsgID == "" {
				w.Errorf("sent: %+v", f.ClientFrame)
			}
			c.ack(f, 1)
			w.answered("one", Answer{Seq: 1})
		}},
		{"Sending/Changes", "edits, deletions and reactions are entries with a name of their own", func(w *world) {
			c := w.start()
			w.do(Command{Op: "edit", Conversation: group, Tag: "e", Target: 2, Body: "better"})
			w.do(Command{Op: "react", Conversation: group, Tag: "r", Target: 2, Emoji: "👍"})
			w.do(Command{Op: "react", Conversation: group, Tag: "u", Target: 2, Emoji: "👍", Removed: true})
			w.do(Command{Op: "delete", Conversation: group, Tag: "d", Target: 2})
			e, r, u, d := c.change(1), c.change(2), c.change(3), c.change(4)
			names := map[string]bool{e.ClientMsgID: true, r.ClientMsgID: true, u.ClientMsgID: true, d.ClientMsgID: true}
			if e.Type != protocol.TypeEdit || e.Body != "better" || r.Type != protocol.TypeReact || r.Emoji != "👍" || r.Removed ||
				!u.Removed || d.Type != protocol.TypeDelete || d.Target != 2 || len(names) != 4 {
				w.Errorf("sent: %+v, %+v, %+v, %+v", e.ClientFrame, r.ClientFrame, u.ClientFrame, d.ClientFrame)
			}
			for i, f := range []frame{e, r, u, d} {
				c.ack(f, uint64(3+i))
			}
			w.answered("d", Answer{Seq: 6})
		}},
		{"Sending/NamesDiffer", "a client_msg_id names one entry: two messages with one name are one", func(w *world) {
			c := w.start()
			w.send("one", "same")
			w.send("two", "same")
			if one, two := c.change(1), c.change(2); one.ClientMsgID == two.ClientMsgID {
				w.Errorf("both are called %s", one.ClientMsgID)
			}
		}},
		{"Sending/AfterSeq", "after_seq is the last seq that the client knew, and absent when it knew none", func(w *world) {
			c := w.start()
			w.send("none", "first")
			if f := c.change(1); f.AfterSeq != nil {
				w.Errorf("after_seq %d where nothing is known, want none", *f.AfterSeq)
			}
			c.entries(group, run(1, 7)...)
			w.showsToo(7)
			w.send("seven", "second")
			if f := c.change(2); f.AfterSeq == nil || *f.AfterSeq != 7 {
				w.Errorf("after_seq %v, want 7", f.AfterSeq)
			}
		}},
		{"Sending/LostAck", "after a reconnect what has no answer is sent again: the same name, content and after_seq", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 2)...)
			w.shows(lines(1, 2)...)
			w.send("one", "hello")
			first := c.change(1)
			c.close(1006)
			c = w.accept()
			c.entries(group, run(3, 4)...)
			again := c.change(1)
			w.same("the retry", first, again)
			c.ack(again, 5)
			w.answered("one", Answer{Seq: 5})
			c.entries(group, own(again, 5))
			w.shows(append(lines(1, 4), "5 hello")...)
		}},
		{"Sending/LostOrder", "after a reconnect the client goes back to the first without an answer", func(w *world) {
			c := w.start()
			w.send("one", "1")
			w.send("two", "2")
			w.send("three", "3")
			one, two, three := c.change(1), c.change(2), c.change(3)
			c.ack(one, 1)
			w.answered("one", Answer{Seq: 1})
			c.close(1006)
			c = w.accept()
			w.same("the second", two, c.change(1))
			w.same("the third", three, c.change(2))
			c.ack(two, 2)
			c.ack(three, 3)
			w.answered("three", Answer{Seq: 3})
		}},
		{"Sending/Offline", "what is written without a connection goes out with the next one, in order", func(w *world) {
			c := w.start()
			c.close(1006)
			c = w.hello()
			for i := range 3 {
				w.send(fmt.Sprint(i), fmt.Sprint(i))
			}
			c.say(protocol.ServerFrame{Type: protocol.TypeWelcome, User: user, Device: device, MaxBodyBytes: protocol.MaxBodyBytes})
			for i := range 3 {
				if f := c.change(i + 1); f.Body != fmt.Sprint(i) {
					w.Errorf("%q comes as number %d", f.Body, i+1)
				}
			}
		}},
		{"Sending/Restarted", "what has no answer outlives a restart: the same name, content, after_seq and order", func(w *world) {
			c := w.start()
			c.entries(group, run(1, 2)...)
			c.mark(protocol.TypeDelivered, group, 2)
			w.send("one", "1")
			w.send("two", "2")
			one, two := c.change(1), c.change(2)
			w.do(Command{Op: "crash"})
			w.do(Command{Op: "start", URL: w.url(), Device: device})
			c = w.accept()
			w.same("the first", one, c.change(1))
			w.same("the second", two, c.change(2))
			c.ack(one, 3)
			c.ack(two, 4)
			w.do(Command{Op: "open", Conversation: group})
			c.entries(group, own(one, 3), own(two, 4))
			w.shows(append(lines(1, 2), "3 1", "4 2")...)
		}},
		{"Sending/EntryBeforeAck", "the sender's own entry comes before the ack or after it: it is one message", func(w *world) {
			c := w.start()
			w.send("one", "hello")
			f := c.change(1)
			c.entries(group, own(f, 1))
			w.shows("1 hello")
			c.ack(f, 1)
			w.answered("one", Answer{Seq: 1})
			c.entries(group, said(2, "m2"))
			w.shows("1 hello", "2 m2")
		}},
		{"Sending/EntryAfterAck", "the same the other way round", func(w *world) {
			c := w.start()
			w.send("one", "hello")
			f := c.change(1)
			c.ack(f, 1)
			w.answered("one", Answer{Seq: 1})
			c.entries(group, own(f, 1), said(2, "m2"))
			w.shows("1 hello", "2 m2")
		}},
		{"Sending/RefusedFirst", "after a retryable refusal the client goes back to the refused one and sends on from there", func(w *world) {
			w.refusedAt(0)
		}},
		{"Sending/RefusedBetween", "what was acknowledged before the refused one is not sent again", func(w *world) {
			w.refusedAt(1)
		}},
		{"Sending/Hint", "the client waits for the hint", func(w *world) {
			c := w.start()
			w.send("one", "hello")
			f := c.change(1)
			at := time.Now()
			c.refuse(f, protocol.CodeBusy, uint32(hint.Milliseconds()))
			again := c.change(2)
			if waited := again.at.Sub(at); waited < hint {
				w.Errorf("sent again after %s, want %s at least", waited, hint)
			}
			w.same("the retry", f, again)
		}},
		{"Sending/HeldBack", "what is written while a refused one waits does not overtake it", func(w *world) {
			c := w.start()
			w.send("one", "1")
			one := c.change(1)
			c.refuse(one, protocol.CodeBusy, uint32(hint.Milliseconds()))
			c.entries(group, said(1, "m1"))
			w.showsToo(1) // by now the client knows of the refusal
			w.send("two", "2")
			w.same("the next frame", one, c.change(2))
			if two := c.change(3); two.Body != "2" {
				w.Errorf("then comes %q, want the second", two.Body)
			}
		}},
		{"Sending/RefusedLate", "what is behind a refused one is refused too, soon or late: sent again before, it has two answers to come that nobody can tell apart", func(w *world) {
			w.refusedLate()
		}},
		{"Sending/OtherConversations", "a refusal holds back its own conversation alone", func(w *world) {
			c := w.start()
			w.send("one", "1")
			c.refuse(c.change(1), protocol.CodeBusy, 60_000)
			w.do(Command{Op: "send", Conversation: "g-2", Tag: "other", Body: "elsewhere"})
			f := c.change(2)
			if f.Conversation != "g-2" {
				w.Fatalf("sent into %s, want g-2", f.Conversation)
			}
			c.ack(f, 1)
			w.answered("other", Answer{Seq: 1})
		}},
		{"Sending/Reconnected", "a new connection has no gate: what waited for a hint is sent at once", func(w *world) {
			c := w.start()
			w.send("one", "1")
			one := c.change(1)
			c.refuse(one, protocol.CodeUnavailable, 60_000)
			c.entries(group, said(1, "m1"))
			w.showsToo(1)
			c.close(1006)
			w.same("the retry", one, w.accept().change(1))
		}},
		{"Sending/TooOldAndThere", "a retry that cannot be told from a new message is looked for in the history: it is there", func(w *world) {
			c := w.start()
			w.send("one", "hello")
			f := c.change(1)
			w.keep(group, append(run(1, 4), own(f, 5))...)
			c.close(1006)
			c = w.accept()
			c.refuse(c.change(1), protocol.CodeRetryTooOld, 0)
			w.answered("one", Answer{Seq: 5})
		}},
		{"Sending/TooOldAndNowhere", "if it is not there it is sent with a fresh after_seq", func(w *world) {
			c := w.start()
			w.send("one", "hello")
			f := c.change(1)
			w.keep(group, run(1, 5)...)
			c.close(1006)
			c = w.accept()
			c.refuse(c.change(1), protocol.CodeRetryTooOld, 0)
			again := c.change(2)
			if again.ClientMsgID != f.ClientMsgID || again.Body != f.Body || again.AfterSeq == nil || *again.AfterSeq != 5 {
				w.Errorf("sent: %+v, want the same with after_seq 5", again.ClientFrame)
			}
			c.ack(again, 6)
			w.answered("one", Answer{Seq: 6})
		}},
		{"Sending/MutedFor", "who is muted is told for how long: it is to be sent anew after that, by who wrote it", func(w *world) {
			c := w.start()
			w.send("one", "hello")
			c.refuse(c.change(1), protocol.CodeMuted, 90_000)
			w.answered("one", Answer{Code: string(protocol.CodeMuted), RetryAfterMS: 90_000})
		}},
		{"Sending/Window", "at most 64 are without an answer", func(w *world) {
			c := w.start()
			const all = 150
			for i := range all {
				w.send(fmt.Sprint(i), fmt.Sprint(i))
			}
			for i := range all {
				f := c.change(i + 1)
				if f.Body != fmt.Sprint(i) {
					w.Fatalf("%q comes as number %d", f.Body, i+1)
				}
				if n := len(c.of(changes...)) - i; n > 64 {
					w.Fatalf("%d are without an answer", n)
				}
				c.ack(f, uint64(i+1))
			}
			w.answered(fmt.Sprint(all-1), Answer{Seq: all})
		}},
	}
	for _, code := range []protocol.Code{protocol.CodeBusy, protocol.CodeRateLimited, protocol.CodeQuota, protocol.CodeUnavailable} {
		cases = append(cases, Case{"Sending/Retried/" + string(code), "the same again, after the hint", func(w *world) {
			c := w.start()
			w.send("one", "hello")
			f := c.change(1)
			c.refuse(f, code, 1)
			again := c.change(2)
			w.same("the retry", f, again)
			c.ack(again, 1)
			w.answered("one", Answer{Seq: 1})
		}})
	}
	final := []protocol.Code{
		protocol.CodeInvalid, protocol.CodeTooLarge, protocol.CodeNotMember, protocol.CodeNotFound, protocol.CodeForbidden,
		protocol.CodeTooOld, protocol.CodeKeyReused, protocol.CodeMuted, "of_a_later_release",
	}
	for _, code := range final {
		cases = append(cases, Case{"Sending/Final/" + string(code), "other codes are final for their frame and hold nothing back", func(w *world) {
			c := w.start()
			w.send("one", "1")
			w.send("two", "2")
			one, two := c.change(1), c.change(2)
			c.refuse(one, code, 0)
			c.ack(two, 1)
			w.answered("one", Answer{Code: string(code)})
			w.answered("two", Answer{Seq: 1})
		}})
	}
	return cases
}

// refusedAt has one of three refused, and with it, as its gate is closed, those behind it.
func (w *world) refusedAt(at int) {
	w.Helper()
	c := w.start()
	var sent []frame
	for i := range 3 {
		w.send(fmt.Sprint(i), fmt.Sprint(i))
	}
	for i := range 3 {
		sent = append(sent, c.change(i+1))
	}
	for i, f := range sent {
		if i < at {
			c.ack(f, uint64(i+1))
		} else {
			c.refuse(f, protocol.CodeBusy, 20)
		}
	}
	for i := at; i < 3; i++ {
		again := c.change(3 + i - at + 1)
		w.same(fmt.Sprintf("number %d of the retries", i-at+1), sent[i], again)
		c.ack(again, uint64(i+1))
	}
	for i := range 3 {
		w.answered(fmt.Sprint(i), Answer{Seq: uint64(i + 1)})
	}
}

// refusedLate has the first of three refused, and those behind it when the client has had the time to go back to the first.
func (w *world) refusedLate() {
	w.Helper()
	c := w.start()
	for i := range 3 {
		w.send(fmt.Sprint(i), fmt.Sprint(i))
	}
	sent := []frame{c.change(1), c.change(2), c.change(3)}
	c.refuse(sent[0], protocol.CodeRateLimited, 1)
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for until := time.Now().Add(hint); time.Now().Before(until) && len(c.of(changes...)) < 5; {
		<-t.C
	}
	for _, f := range c.of(changes...)[3:] {
		if f.ClientMsgID != sent[0].ClientMsgID {
			w.Fatalf("%q is sent again, and its answer is still to come", f.Body)
		}
	}
	for _, f := range sent[1:] {
		c.refuse(f, protocol.CodeRateLimited, 1)
	}
	for i, f := range sent {
		again := c.change(4 + i)
		w.same(fmt.Sprintf("number %d of the retries", i+1), f, again)
		c.ack(again, uint64(i+1))
	}
	for i := range sent {
		w.answered(fmt.Sprint(i), Answer{Seq: uint64(i + 1)})
	}
}

// showsToo waits until the group's message with the seq is shown, whatever else is.
func (w *world) showsToo(seq uint64) {
	w.Helper()
	w.until(fmt.Sprintf("showing %d", seq), func(s State) bool {
		for _, m := range s.Shown[group] {
			if m.Seq == seq {
				return true
			}
		}
		return false
	})
}
