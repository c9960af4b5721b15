package gatewaytest

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Socket is a bare WebSocket that does only what the test says.
type Socket struct {
	*websocket.Conn
	t testing.TB
}

// Open connects to the gateway and says nothing.
func (w *World) Open(url string, head http.Header) *Socket {
	w.T.Helper()
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, HandshakeTimeout: Patience}
	ws, res, err := d.Dial(url+"/v1/ws", head)
	if err != nil {
		status := "no answer"
		if res != nil {
			status = res.Status
		}
		w.T.Fatalf("connect: %v (%s)", err, status)
	}
	w.T.Cleanup(func() { _ = ws.Close() })
	return &Socket{Conn: ws, t: w.T}
}

// Hello connects and is welcomed.
func (w *World) Hello(url, token, device string) *Socket {
	w.T.Helper()
	s := w.Open(url, nil)
	s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: token, Device: device, Platform: "cli"})
	s.Expect(protocol.TypeWelcome)
	return s
}

// Say sends a frame.
func (s *Socket) Say(f protocol.ClientFrame) {
	s.t.Helper()
	data, err := json.Marshal(f)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Raw(string(data))
}

// Raw sends text as it is.
func (s *Socket) Raw(text string) {
	s.t.Helper()
	if err := s.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		s.t.Fatalf("write: %v", err)
	}
}

// Next reads a frame.
func (s *Socket) Next() protocol.ServerFrame {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(Patience))
	_, data, err := s.ReadMessage()
	if err != nil {
		s.t.Fatalf("read: %v", err)
	}
	var f protocol.ServerFrame
	if err := json.Unmarshal(data, &f); err != nil {
		s.t.Fatalf("%s: %v", data, err)
	}
	return f
}

// Expect reads frames until one of the type comes.
func (s *Socket) Expect(kind string) protocol.ServerFrame {
	s.t.Helper()
	for {
		f := s.Next()
		if f.Type == kind {
			return f
		}
		if f.Type == protocol.TypeError {
			s.t.Fatalf("an error came instead of %s: %+v", kind, f)
		}
	}
}

// Entries reads entries until the one with seq last, and returns them all.
func (s *Socket) Entries(last uint64) []protocol.Entry {
	s.t.Helper()
	var out []protocol.Entry
	for {
		f := s.Expect(protocol.TypeEntries)
		out = append(out, f.Entries...)
		if out[len(out)-1].Seq >= last {
			return out
		}
	}
}

// Closed reads until the server closes, and returns the code.
func (s *Socket) Closed() protocol.CloseCode {
	s.t.Helper()
	code, told := s.Ended()
	if !told {
		s.t.Fatal("the connection ended without a close")
	}
	return code
}

// Ended reads until the connection ends, and returns the close code if there was one.
func (s *Socket) Ended() (code protocol.CloseCode, told bool) {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(Patience))
	for {
		_, _, err := s.ReadMessage()
		var c *websocket.CloseError
		var late net.Error
		switch {
		case errors.As(err, &c):
			return protocol.CloseCode(c.Code), c.Code != websocket.CloseAbnormalClosure
		case errors.As(err, &late) && late.Timeout():
			s.t.Fatalf("the connection does not end: %v", err)
		case err != nil:
			return 0, false
		}
	}
}

// Narrow has little of what is not read wait in the system: a reader that stops is noticed sooner.
func (s *Socket) Narrow() {
	s.t.Helper()
	c, ok := s.NetConn().(*net.TCPConn)
	if !ok {
		s.t.Fatalf("a socket over %T", s.NetConn())
	}
	if err := c.SetReadBuffer(16 << 10); err != nil {
		s.t.Fatal(err)
	}
}

// Seqs are the entries' seqs.
func Seqs(entries []protocol.Entry) []uint64 {
	out := make([]uint64, len(entries))
	for i, e := range entries {
		out[i] = e.Seq
	}
	return out
}

// Range is from, from+1, … to.
func Range(from, to uint64) []uint64 {
	var out []uint64
	for ; from <= to; from++ {
		out = append(out, from)
	}
	return out
}
