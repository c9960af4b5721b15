package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// clientFrame is a masked frame.
func clientFrame(first byte, payload []byte) []byte {
	key := [4]byte{1, 2, 3, 4}
	out := []byte{first, 0x80}
	switch n := len(payload); {
	case n < 126:
		out[1] |= byte(n)
	case n < 1<<16:
		out[1] |= 126
		out = append(out, byte(n>>8), byte(n))
	default:
		out[1] |= 127
		out = append(out, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	out = append(out, key[:]...)
	for i, b := range payload {
		out = append(out, b^key[i%4])
	}
	return out
}

// sockets are both ends of a connection, by TCP or, with piece > 0, of a pipe that gives at most that much at a time.
func sockets(t *testing.T, piece int) (client, server net.Conn) {
	t.Helper()
	if piece > 0 {
		client, server = net.Pipe()
		server = slowConn{server, piece}
	} else {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
			t.Fatal(err)
		}
		if server, err = ln.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client, server
}

type slowConn struct {
	net.Conn
	piece int
}

func (c slowConn) Read(b []byte) (int, error) { return c.Conn.Read(b[:min(len(b), c.piece)]) }

func TestMessagesComeWholeHoweverTheyAreCut(t *testing.T) {
	large := bytes.Repeat([]byte("ab"), protocol.MaxFrameBytes/2)
	var stream []byte
	for _, part := range [][]byte{
		clientFrame(0x81, []byte("one")),
		clientFrame(0x80|opPing, []byte("p1")),
		clientFrame(0x01, []byte("tw")), clientFrame(0x80|opPing, []byte("p2")), clientFrame(0x00, nil), clientFrame(0x80, []byte("o")),
		clientFrame(0x81, nil),
		clientFrame(0x81, bytes.Repeat([]byte("x"), 200)),
		clientFrame(0x81, large),
		clientFrame(0x80|opPong, nil),
	} {
		stream = append(stream, part...)
	}
	want := []string{"one", "two", "", string(bytes.Repeat([]byte("x"), 200)), string(large)}
	cases := map[string]struct {
		reason string
		piece  int
	}{
		"TCP":       {"a socket waits without a buffer and gives a chunk at a time", 0},
		"Bytewise":  {"every place is one where a read may end", 1},
		"Pieces":    {"a read may hold the end of one frame and the beginning of the next", 7},
		"PipeWhole": {"what is no socket is read as well", 1 << 20},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			client, server := sockets(t, tc.piece)
			go func() {
				_, _ = client.Write(stream)
				_ = client.Close()
			}()
			var controls []string
			in := newInbound(server, func(op byte, payload []byte) error {
				controls = append(controls, string(rune('0'+op))+string(payload))
				return nil
			}, func(int) {})
			for i, w := range want {
				got, err := in.next()
				if err != nil {
					t.Fatalf("%s: message %d: %v", tc.reason, i, err)
				}
				if got.String() != w {
					t.Fatalf("%s: message %d has %d bytes, %.20q; want %d, %.20q", tc.reason, i, got.Len(), got, len(w), w)
				}
				keepRead(got)
			}
			if _, err := in.next(); !errors.Is(err, io.EOF) {
				t.Errorf("%s: the end is %v, want EOF", tc.reason, err)
			}
			if len(controls) != 3 || controls[0] != "9p1" || controls[1] != "9p2" {
				t.Errorf("%s: control frames %q", tc.reason, controls)
			}
			if in.chunk != nil {
				t.Error("a connection that is idle holds a buffer")
			}
		})
	}
}

func TestBrokenFramesEndAConnection(t *testing.T) {
	cases := map[string]struct {
		reason string
		stream []byte
		want   error
	}{
		"NoMask":            {"clients mask (section 5.1)", []byte{0x81, 1, 'x'}, errFraming},
		"Reserved":          {"no extension was agreed on", clientFrame(0xC1, []byte("x")), errFraming},
		"UnknownData":       {"opcode 3 does not exist", clientFrame(0x83, []byte("x")), errFraming},
		"UnknownControl":    {"opcode 11 does not exist", clientFrame(0x8B, nil), errFraming},
		"CutControl":        {"control frames are not fragmented", clientFrame(opPing, nil), errFraming},
		"LongControl":       {"control frames hold at most 125 bytes", clientFrame(0x80|opPing, make([]byte, 126)), errFraming},
		"NothingToContinue": {"a continuation needs a beginning", clientFrame(0x80, []byte("x")), errFraming},
		"TwoBeginnings":     {"a message ends before the next begins", append(clientFrame(0x01, []byte("x")), clientFrame(0x81, []byte("y"))...), errFraming},
		"Binary":            {"chat.v1 is text", clientFrame(0x82, []byte("x")), errBadFrame},
		"TooLarge":          {"its length is enough to know", []byte{0x81, 0xFF, 0x7f, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, errFrameTooLarge},
		"TooLargeInPieces": {"pieces add up", append(clientFrame(0x01, make([]byte, protocol.MaxFrameBytes)), clientFrame(0x80, []byte("x"))...),
			errFrameTooLarge},
		"CutOff": {"the connection ends in a frame", clientFrame(0x81, []byte("hello"))[:8], io.EOF},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			client, server := sockets(t, 0)
			go func() {
				_, _ = client.Write(tc.stream)
				_ = client.Close()
			}()
			in := newInbound(server, func(byte, []byte) error { return nil }, func(int) {})
			if _, err := in.next(); !errors.Is(err, tc.want) {
				t.Errorf("%s: error %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}

// FuzzInbound compares with the library that reads the same stream.
func FuzzInbound(f *testing.F) {
	f.Add([]byte(nil), uint8(0))
	f.Add(append(clientFrame(0x01, []byte("he")), clientFrame(0x80, []byte("llo"))...), uint8(1))
	f.Add(append(clientFrame(0x89, []byte("ping")), clientFrame(0x81, bytes.Repeat([]byte("x"), 300))...), uint8(3))
	f.Add(clientFrame(0x88, []byte{3, 232}), uint8(0))
	f.Add(clientFrame(0x82, []byte("binary")), uint8(0))
	f.Add([]byte{0x81, 0xFE, 0, 3, 0, 0, 0, 0, 'a', 'b', 'c'}, uint8(2))
	f.Fuzz(compare)
}

func compare(t *testing.T, stream []byte, piece uint8) {
	ours := newInbound(&scripted{stream: stream, piece: int(piece) + 1}, func(op byte, _ []byte) error {
		if op == opClose {
			return errClosed
		}
		return nil
	}, func(int) {})
	theirs := upgraded(t, &scripted{stream: stream, piece: len(stream) + 1})
	for {
		got, err := ours.next()
		kind, want, werr := theirs.ReadMessage()
		if errors.Is(err, errFrameTooLarge) {
			return // the library was given no limit
		}
		if kind == websocket.BinaryMessage {
			if !errors.Is(err, errBadFrame) {
				t.Fatalf("a binary message ended in %v", err)
			}
			return
		}
		if (err != nil) != (werr != nil) {
			// A binary message that is not whole fails there only when it ends.
			if errors.Is(err, errBadFrame) {
				return
			}
			t.Fatalf("we say %v, the library says %v", err, werr)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("we read %q, the library %q", got, want)
		}
		keepRead(got)
	}
}

// upgraded is the library's end of a connection.
func upgraded(t *testing.T, nc net.Conn) *websocket.Conn {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	for k, v := range map[string]string{
		"Connection": "upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(k, v)
	}
	var up websocket.Upgrader
	ws, err := up.Upgrade(hijacked{httptest.NewRecorder(), nc}, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

type hijacked struct {
	http.ResponseWriter
	nc net.Conn
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.nc, bufio.NewReadWriter(bufio.NewReader(h.nc), bufio.NewWriter(h.nc)), nil
}

// scripted is a connection that gives a stream in pieces and takes everything.
type scripted struct {
	net.Conn
	stream []byte
	piece  int
}

func (s *scripted) Read(b []byte) (int, error) {
	if len(s.stream) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), s.piece)], s.stream)
	s.stream = s.stream[n:]
	return n, nil
}

func (s *scripted) Write(b []byte) (int, error)      { return len(b), nil }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
