package clients

import (
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func connecting() []Case {
	return []Case{
		{"Connecting/Hello", "the first frame names the device and brings the token, unless the upgrade had it", func(w *world) {
			w.start()
		}},
		{"Connecting/SameDevice", "a device is one for good: marks belong to it", func(w *world) {
			w.start().close(1006)
			w.accept() // checks the device
		}},
		{"Connecting/WelcomeIsWaitedFor", "what waits is sent when the server has welcomed the device", func(w *world) {
			w.do(Command{Op: "start", URL: w.url(), Device: device})
			w.accept().close(1006)
			w.until("not online", func(s State) bool { return !s.Online })
			c := w.hello()
			if s := w.until("a state", func(State) bool { return true }); s.Online {
				w.Error("the client says that it is online before the welcome")
			}
			c.say(protocol.ServerFrame{Type: protocol.TypeWelcome, User: user, Device: device, MaxBodyBytes: protocol.MaxBodyBytes})
			w.until("online", func(s State) bool { return s.Online })
		}},
		{"Connecting/RefusedAtFirst", "a device that the server never welcomed gives up as the close code says", func(w *world) {
			w.do(Command{Op: "start", URL: w.url(), Device: device})
			c := w.hello()
			c.say(protocol.ServerFrame{Type: protocol.TypeError, Code: protocol.CodeUnauthenticated})
			c.close(int(protocol.CloseUnauthenticated))
			w.until("ended with 3500", func(s State) bool { return s.Ended == int(protocol.CloseUnauthenticated) })
		}},
		{"Connecting/Ping", "the server's WebSocket pings are answered", func(w *world) {
			c := w.start()
			ponged := make(chan struct{}, 1)
			c.ws.SetPongHandler(func(string) error {
				select {
				case ponged <- struct{}{}:
				default:
				}
				return nil
			})
			c.ping()
			select {
			case <-ponged:
			case <-time.After(patience):
				w.Error("no pong")
			}
		}},
		{"Connecting/Silence", "a server that says nothing any more, not even to a ping, is gone: the client comes back", func(w *world) {
			w.do(Command{Op: "start", URL: w.url(), Device: device, IdleMS: 200})
			w.accept().ignore()
			w.accept()
		}},
	}
}
