//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// badInput speaks to the gateway as no client of ours would.
func badInput(t *testing.T, w *world) {
	t.Run("OnTheSocket", func(t *testing.T) { badFrames(t, w) })
	t.Run("BadToken", func(t *testing.T) { badToken(t, w) })
	t.Run("OnREST", func(t *testing.T) { badRequests(t, w) })
}

func dialRaw(t *testing.T, w *world, token string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, HandshakeTimeout: soon}
	conn, res, err := d.DialContext(t.Context(), w.GatewayURL+"/v1/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	hello := protocol.ClientFrame{Type: protocol.TypeHello, Token: token, Device: "raw", Platform: "cli"}
	if err := conn.WriteJSON(hello); err != nil {
		t.Fatal(err)
	}
	return conn
}

// next returns the next frame of that type.
func next(t *testing.T, conn *websocket.Conn, typ string) protocol.ServerFrame {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	for {
		var f protocol.ServerFrame
		if err := conn.ReadJSON(&f); err != nil {
			t.Fatalf("waiting for %s: %v", typ, err)
		}
		if f.Type == typ {
			return f
		}
	}
}

func badFrames(t *testing.T, w *world) {
	conn := dialRaw(t, w, w.token(t, "mallory"))
	next(t, conn, protocol.TypeWelcome)
	for _, tc := range []struct {
		reason, frame string
		want          protocol.Code
	}{
		{"not JSON", `{"type":`, protocol.CodeBadFrame},
		{"a type of the future", `{"type":"teleport"}`, protocol.CodeUnknownType},
		{"a conversation that does not exist", `{"type":"send","conversation":"nope","client_msg_id":"m1","body":"hi"}`, protocol.CodeNotMember},
		{"a body over the limit", `{"type":"send","conversation":"nope","client_msg_id":"m2","body":"` + strings.Repeat("x", protocol.MaxBodyBytes+1) + `"}`, protocol.CodeTooLarge},
		{"no client_msg_id", `{"type":"send","conversation":"nope","body":"hi"}`, protocol.CodeInvalid},
	} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(tc.frame)); err != nil {
			t.Fatal(err)
		}
		if got := next(t, conn, protocol.TypeError); got.Code != tc.want {
			t.Errorf("%s: code = %q (%s), want %q", tc.reason, got.Code, got.Detail, tc.want)
		}
	}
	// After all that the connection still works.
	if err := conn.WriteJSON(protocol.ClientFrame{Type: protocol.TypePing}); err != nil {
		t.Fatal(err)
	}
	next(t, conn, protocol.TypePong)
}

func badToken(t *testing.T, w *world) {
	conn := dialRaw(t, w, "not.a.token")
	if err := conn.SetReadDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	var err error
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
	if !websocket.IsCloseError(err, int(protocol.CloseUnauthenticated)) {
		t.Errorf("a bad token ends in %v, want close code %d", err, protocol.CloseUnauthenticated)
	}
}

func badRequests(t *testing.T, w *world) {
	base := "http" + strings.TrimPrefix(w.GatewayURL, "ws")
	for _, tc := range []struct {
		reason, method, path, token, body string
		want                              protocol.Code
	}{
		{"no token", http.MethodGet, "/v1/inbox", "", "", protocol.CodeUnauthenticated},
		{"another's conversation", http.MethodGet, "/v1/conversations/nope/messages", w.token(t, "mallory"), "", protocol.CodeNotMember},
		{"not JSON", http.MethodPost, "/v1/conversations", w.token(t, "mallory"), "{", protocol.CodeBadFrame},
		{"a cursor that was never given", http.MethodGet, "/v1/inbox?cursor=%21", w.token(t, "mallory"), "", protocol.CodeInvalid},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, base+tc.path, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		if tc.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if tc.token != "" {
			req.Header.Set("Authorization", "Bearer "+tc.token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var problem protocol.Problem
		err = json.NewDecoder(res.Body).Decode(&problem)
		_ = res.Body.Close()
		if err != nil {
			t.Fatalf("%s: no problem in the answer: %v", tc.reason, err)
		}
		if problem.Code != tc.want || res.StatusCode != tc.want.Status() || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %q as %q, want %q", tc.reason, res.Status, problem.Code, res.Header.Get("Content-Type"), tc.want)
		}
	}
}
