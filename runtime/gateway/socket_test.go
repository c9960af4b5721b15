package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestHelloIsRefusedWithAReason(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	hello := func(token, device, platform string) string {
		return `{"type":"hello","token":"` + token + `","device":"` + device + `","platform":"` + platform + `"}`
	}
	cases := map[string]struct {
		reason string
		say    string
		code   protocol.Code
		close  protocol.CloseCode
	}{
		"NoJSON":        {"a client that speaks something else", "hi", protocol.CodeBadFrame, protocol.CloseProtocol},
		"NoHello":       {"nobody is known yet", `{"type":"send"}`, protocol.CodeBadFrame, protocol.CloseProtocol},
		"NoToken":       {"nobody is known yet", hello("", "d1", "cli"), protocol.CodeUnauthenticated, protocol.CloseUnauthenticated},
		"BadToken":      {"coming back with it is useless", hello("bad", "d1", "cli"), protocol.CodeUnauthenticated, protocol.CloseUnauthenticated},
		"ExpiredToken":  {"the client gets a new one and comes back", hello("expired", "d1", "cli"), protocol.CodeTokenExpired, protocol.CloseTokenExpired},
		"NoKeysNow":     {"the token may be good", hello("later", "d1", "cli"), protocol.CodeUnavailable, protocol.CloseInternal},
		"NoDevice":      {"marks are kept by device", hello("alice", "", "cli"), protocol.CodeInvalid, protocol.CloseProtocol},
		"DeviceTooLong": {"ids are bounded", hello("alice", strings.Repeat("d", 129), "cli"), protocol.CodeInvalid, protocol.CloseProtocol},
		"NoSuchOS":      {"pushes go by platform", hello("alice", "d1", "toaster"), protocol.CodeInvalid, protocol.CloseProtocol},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := w.Open(g.URL, nil)
			s.Raw(tc.say)
			f := s.Next()
			if f.Type != protocol.TypeError || f.Code != tc.code {
				t.Errorf("%s: got %+v, want an error with code %s", tc.reason, f, tc.code)
			}
			if code := s.Closed(); code != tc.close {
				t.Errorf("%s: close code = %d, want %d", tc.reason, code, tc.close)
			}
		})
	}
}

func TestWelcomeSaysWhoAndHowMuch(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	s := w.Open(g.URL, nil)
	if got := s.Subprotocol(); got != protocol.Subprotocol {
		t.Errorf("subprotocol = %q", got)
	}
	s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "alice", Device: "phone"})
	got := s.Next()
	if until := time.Until(time.UnixMilli(got.ExpiresAtMS)); until < 59*time.Minute || until > time.Hour {
		t.Errorf("the token expires in %v, want an hour", until)
	}
	got.ServerTimeMS, got.ExpiresAtMS = 0, 0
	want := protocol.ServerFrame{
		Type: protocol.TypeWelcome, User: "alice", Device: "phone", MaxBodyBytes: protocol.MaxBodyBytes, MaxFrameBytes: protocol.MaxFrameBytes,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("welcome, -want +got:\n%s", diff)
	}
	devices, err := w.Store.Devices(t.Context(), w.User("alice"))
	if err != nil || len(devices) != 1 || devices[0].ID != "phone" {
		t.Errorf("devices = %+v, %v: want the phone", devices, err)
	}
}

func TestTokenInTheHeader(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	s := w.Open(g.URL, http.Header{"Authorization": {"Bearer alice"}})
	s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Device: "phone"})
	if f := s.Expect(protocol.TypeWelcome); f.User != "alice" {
		t.Errorf("welcomed as %q", f.User)
	}
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	_, res, err := d.Dial(g.URL+"/v1/ws", http.Header{"Authorization": {"Bearer bad"}})
	if err == nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a refused header: %v, %v", res, err)
	}
}

func TestHandshakeIsRefused(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", func(o *gateway.Options) { o.AllowedOrigins = []string{"https://chat.example"} })
	cases := map[string]struct {
		reason   string
		protocol string
		origin   string
		status   int
	}{
		"NoSubprotocol":    {"the frames have a version", "", "", http.StatusBadRequest},
		"OtherSubprotocol": {"the frames have a version", "chat.v9", "", http.StatusBadRequest},
		"ForeignOrigin":    {"another site's page must not use a browser's login", protocol.Subprotocol, "https://evil.example", http.StatusForbidden},
		"AllowedOrigin":    {"the web client", protocol.Subprotocol, "https://chat.example", http.StatusSwitchingProtocols},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := websocket.Dialer{}
			if tc.protocol != "" {
				d.Subprotocols = []string{tc.protocol}
			}
			head := http.Header{}
			if tc.origin != "" {
				head.Set("Origin", tc.origin)
			}
			ws, res, err := d.Dial(g.URL+"/v1/ws", head)
			if ws != nil {
				_ = ws.Close()
			}
			if res == nil || res.StatusCode != tc.status {
				t.Errorf("%s: %+v, %v: want status %d", tc.reason, res, err, tc.status)
			}
		})
	}
}

func TestBadFramesAreAnsweredAndTheConnectionLives(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice", "bob")
	s := w.Hello(g.URL, "alice", "phone")
	s.Entries(1)
	long := strings.Repeat("x", protocol.MaxBodyBytes+1)
	cases := map[string]struct {
		reason string
		say    string
		code   protocol.Code
	}{
		"NoJSON":         {"cannot be read", `{`, protocol.CodeBadFrame},
		"NoObject":       {"a frame is an object", `[1]`, protocol.CodeBadFrame},
		"NoType":         {"the type says which fields count", `{}`, protocol.CodeBadFrame},
		"WrongKind":      {"a seq is a number", `{"type":"read","conversation":"room","seq":"7"}`, protocol.CodeBadFrame},
		"NegativeSeq":    {"seqs count from 1", `{"type":"read","conversation":"room","seq":-7}`, protocol.CodeBadFrame},
		"UnknownType":    {"the client is newer", `{"type":"dance"}`, protocol.CodeUnknownType},
		"SecondHello":    {"who is connected does not change", `{"type":"hello","token":"bob","device":"x"}`, protocol.CodeInvalid},
		"NoConversation": {"where to?", `{"type":"send","client_msg_id":"m","body":"b"}`, protocol.CodeInvalid},
		"NoMessageID":    {"retries are told by it", `{"type":"send","conversation":"room","body":"b"}`, protocol.CodeInvalid},
		"LongMessageID":  {"ids are bounded", `{"type":"send","conversation":"room","client_msg_id":"` + strings.Repeat("m", 65) + `","body":"b"}`, protocol.CodeInvalid},
		"NoBody":         {"an empty message says nothing", `{"type":"send","conversation":"room","client_msg_id":"m"}`, protocol.CodeInvalid},
		"LongBody":       {"bodies are bounded", `{"type":"send","conversation":"room","client_msg_id":"m","body":"` + long + `"}`, protocol.CodeTooLarge},
		"NoSuchRoom":     {"absence looks like non-membership", `{"type":"send","conversation":"nowhere","client_msg_id":"m","body":"b"}`, protocol.CodeNotMember},
		"ForeignMark":    {"absence looks like non-membership", `{"type":"read","conversation":"nowhere","seq":1}`, protocol.CodeNotMember},
		"MarkNowhere":    {"ids are checked", `{"type":"delivered","conversation":"","seq":1}`, protocol.CodeInvalid},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s.Raw(tc.say)
			if f := s.Next(); f.Type != protocol.TypeError || f.Code != tc.code {
				t.Errorf("%s: got %+v, want an error with code %s", tc.reason, f, tc.code)
			}
		})
	}
	s.Say(protocol.ClientFrame{Type: protocol.TypePing})
	s.Expect(protocol.TypePong)
}

func TestFramesThatEndTheConnection(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	cases := map[string]struct {
		reason string
		kind   int
		data   []byte
		close  protocol.CloseCode
	}{
		"TooLarge": {"memory is bounded before it is taken", websocket.TextMessage, make([]byte, protocol.MaxFrameBytes+1), protocol.CloseFrameTooLarge},
		"Binary":   {"frames are text", websocket.BinaryMessage, []byte{1}, protocol.CloseProtocol},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := w.Hello(g.URL, "alice", name)
			if err := s.WriteMessage(tc.kind, tc.data); err != nil {
				t.Fatal(err)
			}
			if code := s.Closed(); code != tc.close {
				t.Errorf("%s: close code = %d, want %d", tc.reason, code, tc.close)
			}
		})
	}
}

func TestTheOlderConnectionOfADeviceIsClosedForGood(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	older := w.Hello(g.URL, "alice", "phone")
	other := w.Hello(g.URL, "alice", "tablet")
	newer := w.Hello(g.URL, "alice", "phone")
	if code := older.Closed(); code != protocol.CloseReplaced {
		t.Errorf("close code = %d, want %d", code, protocol.CloseReplaced)
	}
	for _, s := range []*gatewaytest.Socket{other, newer} {
		s.Say(protocol.ClientFrame{Type: protocol.TypePing})
		s.Expect(protocol.TypePong)
	}
}

func TestATokenThatExpiresClosesItsConnection(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	// The verifier's clock skew is granted on top.
	s := w.Hello(g.URL, "alice~-29500ms", "phone")
	s.Expect(protocol.TypeToken) // a refresh is offered in vain
	if f := s.Next(); f.Type != protocol.TypeError || f.Code != protocol.CodeTokenExpired {
		t.Errorf("got %+v, want token_expired", f)
	}
	if code := s.Closed(); code != protocol.CloseTokenExpired {
		t.Errorf("close code = %d, want %d", code, protocol.CloseTokenExpired)
	}
}

func TestAFullGatewaySaysSo(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", func(o *gateway.Options) { o.MaxConnections = 1 })
	s := w.Hello(g.URL, "alice", "phone")
	if code := w.Open(g.URL, nil).Closed(); code != protocol.CloseFull {
		t.Errorf("close code = %d, want %d", code, protocol.CloseFull)
	}
	s.Say(protocol.ClientFrame{Type: protocol.TypePing})
	s.Expect(protocol.TypePong)
}

func TestASilentConnectionIsClosed(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.PingEvery = 20e6; o.Limits.HelloTimeout = 5e9 })
	s := w.Hello(g.URL, "alice", "phone")
	s.SetPingHandler(func(string) error { return nil }) // no pong
	if code := s.Closed(); code != protocol.CloseIdle {
		t.Errorf("close code = %d, want %d", code, protocol.CloseIdle)
	}
	live := w.Hello(g.URL, "alice", "tablet")
	for range 20 {
		live.Say(protocol.ClientFrame{Type: protocol.TypePing})
		live.Expect(protocol.TypePong)
	}
}

// racingDevices has a push token registered right after the hello has read which devices there are.
type racingDevices struct {
	gateway.Store
	token string
}

func (r racingDevices) Devices(ctx context.Context, u store.User) ([]store.Device, error) {
	found, err := r.Store.Devices(ctx, u)
	if err != nil {
		return nil, err
	}
	_, err = r.PutDevice(ctx, u, store.Device{ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: r.token})
	return found, err
}

func TestHelloKeepsAPushTokenThatComesAtTheSameMoment(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", func(o *gateway.Options) { o.Store = racingDevices{o.Store, "secret"} })
	w.Hello(g.URL, "alice", "phone")
	u, err := store.NewUser(w.Conv("any").Tenant(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	devices, err := w.Store.Devices(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if len(devices) != 1 || devices[0].PushToken != "secret" {
		t.Errorf("%d devices, the push token is lost", len(devices))
	}
}
