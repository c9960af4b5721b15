package clients

import (
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func closing() []Case {
	var cases []Case
	back := map[int]string{
		1000: "even a normal close is not the client's own wish", 1001: "going away", 1006: "the connection is lost", 1011: "a fault in between",
		3000: "the gateway is going away", 3001: "the connection did not keep up", 3002: "a fault of the server's", 3003: "nothing was heard",
		3004: "the gateway is full", 3005: "the token has expired", 3006: "the tenant's connections are used up",
		3499: "a code of a later release below 3500", 4000: "a code of something in between",
	}
	for code, why := range back {
		cases = append(cases, Case{fmt.Sprintf("Closing/Reconnects/%d", code), why + ": the client comes back", func(w *world) {
			c := w.start()
			c.close(code)
			c = w.accept()
			c.entries(group, said(1, "m1"))
			w.shows("1 m1")
		}})
	}
	gone := map[int]string{
		3500: "the token was refused", 3501: "the same device connected again", 3502: "this is not the protocol", 3503: "a frame is too large",
		3504: "a revocation", 3505: "too many devices", 3506: "the tenant is suspended", 3999: "a code of a later release from 3500 on",
	}
	for code, why := range gone {
		cases = append(cases, Case{fmt.Sprintf("Closing/GivesUp/%d", code), why + ": coming back would change nothing", func(w *world) {
			c := w.start()
			c.close(code)
			w.until(fmt.Sprintf("ended with %d", code), func(s State) bool { return s.Ended == code && !s.Online })
			if n := w.connections(); n != 1 {
				w.Errorf("%d connections, want the one that ended", n)
			}
		}})
	}
	return append(cases,
		Case{"Closing/Drain", "the client comes back after the drain's hint, which is different for each", func(w *world) {
			c := w.start()
			c.say(protocol.ServerFrame{Type: protocol.TypeDrain, ReconnectAfterMS: uint32(hint.Milliseconds())})
			w.send("one", "hello")
			c.ack(c.change(1), 1) // what is under way is answered
			w.answered("one", Answer{Seq: 1})
			closed := c.close(int(protocol.CloseDrain))
			if waited := w.accept().came.Sub(closed); waited < hint {
				w.Errorf("back after %s, want %s at least", waited, hint)
			}
		}},
		Case{"Closing/WelcomeIsNoSuccess", "a server that welcomes and closes at once is in trouble: the waits go on doubling", func(w *world) {
			w.do(Command{Op: "start", URL: w.url(), Device: device})
			const times = 12
			begin := time.Now()
			for range times {
				w.accept().close(int(protocol.CloseInternal))
			}
			w.accept()
			// Waits that begin anew each time are a random part of 100 ms.
			if waited := time.Since(begin); waited < times*100*time.Millisecond {
				w.Errorf("back %d times within %s", times, waited)
			}
		}},
		Case{"Closing/DrainIsForOnce", "a hint is for the close that follows it", func(w *world) {
			c := w.start()
			c.say(protocol.ServerFrame{Type: protocol.TypeDrain, ReconnectAfterMS: uint32(hint.Milliseconds())})
			c.close(int(protocol.CloseDrain))
			c = w.accept()
			closed := c.close(1006)
			if waited := w.accept().came.Sub(closed); waited > 10*time.Second {
				w.Errorf("back after %s", waited)
			}
		}},
		Case{"Closing/AgainAndAgain", "a server that closes at once is tried again and again, with waits between", func(w *world) {
			w.do(Command{Op: "start", URL: w.url(), Device: device})
			for range 5 {
				w.hello().close(int(protocol.CloseInternal))
			}
			w.accept()
			w.until("online", func(s State) bool { return s.Online })
		}},
	)
}
