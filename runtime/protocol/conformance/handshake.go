package conformance

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func handshake(w *world) {
	good := w.Token(w.T, w.user("alice"))
	cases := map[string]struct {
		reason    string
		path      string
		head      http.Header
		protocols []string
		status    int
	}{
		"NoSubprotocol":    {"the frames have a version", "/v1/ws", nil, nil, http.StatusBadRequest},
		"OtherSubprotocol": {"the frames have a version", "/v1/ws", nil, []string{"chat.v0"}, http.StatusBadRequest},
		"BadToken":         {"nobody signed it", "/v1/ws", http.Header{"Authorization": {"Bearer bad"}}, []string{protocol.Subprotocol}, http.StatusUnauthorized},
		"TokenInURL":       {"URLs are logged", "/v1/ws?token=" + good, nil, []string{protocol.Subprotocol}, http.StatusBadRequest},
		"AccessToken":      {"URLs are logged", "/v1/ws?access_token=" + good, nil, []string{protocol.Subprotocol}, http.StatusBadRequest},
		"Origin":           {"another site's page", "/v1/ws", http.Header{"Origin": {"https://evil.invalid"}}, []string{protocol.Subprotocol}, http.StatusForbidden},
	}
	for name, tc := range cases {
		s, res := w.dial(tc.path, tc.head, tc.protocols...) //nolint:bodyclose // gorilla: what Dial returns need not be closed
		if s != nil || res.StatusCode != tc.status {
			w.Errorf("%s: %s: status %d, want %d", name, tc.reason, res.StatusCode, tc.status)
			continue
		}
		var p protocol.Problem
		if err := json.NewDecoder(res.Body).Decode(&p); err != nil || p.Code == "" || !strings.HasSuffix(p.Type, string(p.Code)) {
			w.Errorf("%s: %s: %+v, %v: want a problem with a code", name, tc.reason, p, err)
		}
	}
	s, res := w.dial("/v1/ws", http.Header{"Authorization": {"Bearer " + good}}, "other.v1", protocol.Subprotocol) //nolint:bodyclose // as above
	if s == nil || s.ws.Subprotocol() != protocol.Subprotocol {
		w.Fatalf("a good handshake: %s", res.Status)
	}
	s.say(protocol.ClientFrame{Type: protocol.TypeHello, Device: "phone"})
	if f := s.expect(protocol.TypeWelcome); f.User != w.user("alice") || f.Device != "phone" {
		w.Errorf("welcomed as %+v", f)
	}
}

func hello(w *world) {
	token := w.Token(w.T, w.user("alice"))
	frame := func(token, device, platform string) string {
		data, err := json.Marshal(protocol.ClientFrame{Type: protocol.TypeHello, Token: token, Device: device, Platform: platform})
		if err != nil {
			w.Fatal(err)
		}
		return string(data)
	}
	cases := map[string]struct {
		reason string
		say    string
		code   protocol.Code
		close  protocol.CloseCode
	}{
		"NoJSON":     {"a client that speaks something else", "hi", protocol.CodeBadFrame, protocol.CloseProtocol},
		"NotFirst":   {"nobody is known yet", `{"type":"ping"}`, protocol.CodeBadFrame, protocol.CloseProtocol},
		"NoToken":    {"nobody is known", frame("", "phone", "cli"), protocol.CodeUnauthenticated, protocol.CloseUnauthenticated},
		"BadToken":   {"nobody signed it", frame("bad", "phone", "cli"), protocol.CodeUnauthenticated, protocol.CloseUnauthenticated},
		"NoDevice":   {"marks are kept by device", frame(token, "", "cli"), protocol.CodeInvalid, protocol.CloseProtocol},
		"LongDevice": {"ids are bounded", frame(token, strings.Repeat("d", 129), "cli"), protocol.CodeInvalid, protocol.CloseProtocol},
		"Platform":   {"pushes go by platform", frame(token, "phone", "toaster"), protocol.CodeInvalid, protocol.CloseProtocol},
	}
	for name, tc := range cases {
		s := w.open()
		s.raw(websocket.TextMessage, []byte(tc.say))
		s.refused(name+": "+tc.reason, tc.code)
		s.closed(name+": "+tc.reason, tc.close)
	}
	if w.Expired != nil {
		s := w.open()
		s.say(protocol.ClientFrame{Type: protocol.TypeHello, Token: w.Expired(w.T, w.user("alice")), Device: "phone"})
		s.refused("an expired token", protocol.CodeTokenExpired)
		s.closed("an expired token", protocol.CloseTokenExpired)
	}
	s := w.open()
	s.raw(websocket.TextMessage, []byte(`{"later":[{}],`+frame(token, "phone", "")[1:]))
	f := s.expect(protocol.TypeWelcome)
	if f.User != w.user("alice") || f.Device != "phone" || f.ServerTimeMS == 0 || f.ExpiresAtMS <= f.ServerTimeMS ||
		f.MaxBodyBytes != protocol.MaxBodyBytes || f.MaxFrameBytes != protocol.MaxFrameBytes {
		w.Errorf("welcome: %+v", f)
	}
	s.raw(websocket.TextMessage, []byte(frame(token, "phone", "")))
	s.refused("hello was said", protocol.CodeInvalid)
	s.lives()
}

func replaced(w *world) {
	older, other := w.hello("alice", "phone"), w.hello("alice", "tablet")
	newer := w.hello("alice", "phone")
	older.closed("the same device connected again", protocol.CloseReplaced)
	other.lives()
	newer.lives()
}

func oddFrames(w *world) {
	s := w.hello("alice", "phone")
	cases := map[string]struct {
		reason string
		say    string
		code   protocol.Code // none: a pong
	}{
		"Unknown":   {"the client is newer", `{"type":"dance"}`, protocol.CodeUnknownType},
		"Fields":    {"unknown fields are ignored", `{"type":"ping","x":{"y":[1,null,1e400]}}`, ""},
		"NoJSON":    {"it cannot be read", `{`, protocol.CodeBadFrame},
		"NoObject":  {"a frame is an object", `["ping"]`, protocol.CodeBadFrame},
		"NoType":    {"nothing says which fields count", `{"seq":1}`, protocol.CodeBadFrame},
		"WrongType": {"a seq is a number", `{"type":"read","conversation":"x","seq":"1"}`, protocol.CodeBadFrame},
		"NotUTF8":   {"text is UTF-8", "{\"type\":\"ping\",\"x\":\"\xff\"}", protocol.CodeBadFrame},
		"TooDeep":   {"nesting is bounded", `{"type":"ping","x":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`, protocol.CodeBadFrame},
		"TooMany":   {"values are bounded", `{"type":"presence","users":[` + strings.Repeat(`"",`, 5000) + `""]}`, protocol.CodeBadFrame},
	}
	for name, tc := range cases {
		s.raw(websocket.TextMessage, []byte(tc.say))
		if tc.code == "" {
			s.expect(protocol.TypePong)
			continue
		}
		s.refused(name+": "+tc.reason, tc.code)
	}
	s.lives()

	s.raw(websocket.TextMessage, bytes.Repeat([]byte(" "), protocol.MaxFrameBytes+1))
	s.closed("a frame over the limit", protocol.CloseFrameTooLarge)
	s = w.hello("alice", "phone")
	s.raw(websocket.BinaryMessage, []byte(`{"type":"ping"}`))
	s.closed("a binary message", protocol.CloseProtocol)
}
