package conformance

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// socket is a connection that does only what the suite says.
type socket struct {
	w  *world
	ws *websocket.Conn
}

// dial connects. The response is that of a refused handshake.
func (w *world) dial(path string, head http.Header, protocols ...string) (*socket, *http.Response) {
	w.Helper()
	d := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: patience}
	ws, res, err := d.DialContext(w.Context(), w.URL+path, head)
	if err != nil {
		if res == nil {
			w.Fatalf("connect: %v", err)
		}
		return nil, res
	}
	w.Cleanup(func() { _ = ws.Close() })
	return &socket{w: w, ws: ws}, res
}

// open connects and says nothing.
func (w *world) open() *socket {
	w.Helper()
	s, res := w.dial("/v1/ws", nil, protocol.Subprotocol) //nolint:bodyclose // gorilla: what Dial returns need not be closed
	if s == nil {
		w.Fatalf("the handshake is refused: %s", res.Status)
	}
	return s
}

// hello connects a device of a user and is welcomed.
func (w *world) hello(name, device string) *socket {
	w.Helper()
	s := w.open()
	s.say(protocol.ClientFrame{Type: protocol.TypeHello, Token: w.Token(w.T, w.user(name)), Device: device, Platform: "cli"})
	s.expect(protocol.TypeWelcome)
	return s
}

func (s *socket) say(f protocol.ClientFrame) {
	s.w.Helper()
	data, err := json.Marshal(f)
	if err != nil {
		s.w.Fatal(err)
	}
	s.raw(websocket.TextMessage, data)
}

func (s *socket) raw(kind int, data []byte) {
	s.w.Helper()
	if err := s.ws.WriteMessage(kind, data); err != nil {
		s.w.Fatalf("write: %v", err)
	}
}

// next reads a frame.
func (s *socket) next() protocol.ServerFrame {
	s.w.Helper()
	_ = s.ws.SetReadDeadline(time.Now().Add(patience))
	_, data, err := s.ws.ReadMessage()
	if err != nil {
		s.w.Fatalf("read: %v", err)
	}
	if s.w.OnFrame != nil {
		s.w.OnFrame(s.w.T, data)
	}
	var f protocol.ServerFrame
	if err := json.Unmarshal(data, &f); err != nil {
		s.w.Fatalf("%s: %v", data, err)
	}
	return f
}

// expect passes over frames until one of the type comes; an error is none that is passed over.
func (s *socket) expect(kind string) protocol.ServerFrame {
	s.w.Helper()
	for {
		f := s.next()
		if f.Type == kind {
			return f
		}
		if f.Type == protocol.TypeError {
			s.w.Fatalf("an error came instead of %s: %+v", kind, f)
		}
	}
}

// refused expects an error with the code.
func (s *socket) refused(why string, code protocol.Code) protocol.ServerFrame {
	s.w.Helper()
	for {
		f := s.next()
		switch {
		case f.Type == protocol.TypeError && f.Code == code:
			if code.Retryable() && f.RetryAfterMS == 0 {
				s.w.Errorf("%s: %s comes without retry_after_ms", why, code)
			}
			return f
		case f.Type == protocol.TypeError, f.Type == protocol.TypeAck, f.Type == protocol.TypePong, f.Type == protocol.TypeHistory:
			s.w.Fatalf("%s: got %+v, want the error %s", why, f, code)
		}
	}
}

// closed reads until the server closes, and wants the code.
func (s *socket) closed(why string, code protocol.CloseCode) {
	s.w.Helper()
	_ = s.ws.SetReadDeadline(time.Now().Add(patience))
	for {
		_, _, err := s.ws.ReadMessage()
		var c *websocket.CloseError
		switch {
		case errors.As(err, &c):
			if c.Code != int(code) {
				s.w.Errorf("%s: close code %d, want %d", why, c.Code, code)
			}
			return
		case err != nil:
			s.w.Fatalf("%s: the connection ended without a close: %v", why, err)
		}
	}
}

// lives says that the connection still answers.
func (s *socket) lives() {
	s.w.Helper()
	s.say(protocol.ClientFrame{Type: protocol.TypePing})
	if f := s.expect(protocol.TypePong); f.ServerTimeMS == 0 {
		s.w.Error("a pong without the server's time")
	}
}

// entries reads entries of a conversation up to seq last, requires every seq after from once and in order, and returns them.
func (s *socket) entries(conversation string, from, last uint64) []protocol.Entry {
	s.w.Helper()
	var out []protocol.Entry
	for from < last {
		f := s.expect(protocol.TypeEntries)
		if f.Conversation != conversation {
			continue
		}
		for _, e := range f.Entries {
			if e.Seq != from+1 {
				s.w.Fatalf("seq %d comes after %d", e.Seq, from)
			}
			from = e.Seq
			out = append(out, e)
		}
	}
	return out
}
