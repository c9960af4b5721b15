package clients

import (
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func refreshing() []Case {
	return []Case{
		{"Refreshing/InPlace", "the token is refreshed when that is offered, and the connection goes on", func(w *world) {
			c := w.start()
			f := w.refreshed(c)
			c.say(protocol.ServerFrame{Type: protocol.TypeToken, Ref: f.Ref, ExpiresAtMS: time.Now().Add(time.Hour).UnixMilli()})
			w.talksOn(c)
		}},
		{"Refreshing/Twice", "each offer is answered, with a ref of its own", func(w *world) {
			c := w.start()
			first := w.refreshed(c)
			c.say(protocol.ServerFrame{Type: protocol.TypeToken, Ref: first.Ref, ExpiresAtMS: 1})
			c.say(protocol.ServerFrame{Type: protocol.TypeToken, ExpiresAtMS: time.Now().Add(time.Minute).UnixMilli()})
			if second := c.next(2, protocol.TypeToken); second.Ref == first.Ref || second.Token == first.Token {
				w.Error("the second refresh is the first again")
			}
		}},
		{"Refreshing/Refused", "a refused token changes nothing", func(w *world) {
			c := w.start()
			f := w.refreshed(c)
			c.say(protocol.ServerFrame{Type: protocol.TypeError, Ref: f.Ref, Code: protocol.CodeForbidden})
			w.talksOn(c)
		}},
		{"Refreshing/Expired", "after 3005 the client comes back with a new token", func(w *world) {
			c := w.start()
			c.close(int(protocol.CloseTokenExpired))
			w.accept()
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.tokens[0] == w.tokens[1] {
				w.Error("it comes back with the token that has expired")
			}
		}},
	}
}

// refreshed offers a refresh and waits for the new token.
func (w *world) refreshed(c *conn) frame {
	w.Helper()
	c.say(protocol.ServerFrame{Type: protocol.TypeToken, ExpiresAtMS: time.Now().Add(time.Minute).UnixMilli()})
	f := c.next(1, protocol.TypeToken)
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.Token == "" || f.Token == w.tokens[0] || f.Ref == "" {
		w.Errorf("the new token is there: %t, another: %t; ref %q", f.Token != "", f.Token != w.tokens[0], f.Ref)
	}
	return f
}

// talksOn checks that the connection is as good as before.
func (w *world) talksOn(c *conn) {
	w.Helper()
	w.send("after", "hello")
	c.ack(c.change(1), 1)
	w.answered("after", Answer{Seq: 1})
	if n := w.connections(); n != 1 {
		w.Errorf("%d connections, want one", n)
	}
}
