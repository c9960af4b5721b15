package gateway_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestOddJSONIsHarmless(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	w.Create("room", "alice")
	s := w.Hello(g.URL, "alice", "phone")
	s.Entries(1)
	nest := func(n int) string {
		return `{"type":"ping","x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	cases := map[string]struct {
		reason string
		say    string
		code   protocol.Code // none: a pong
	}{
		"UnknownFields": {"the client is newer", `{"type":"ping","later":{"a":[1,2,{"b":null}]},"more":1e400}`, ""},
		"Duplicates":    {"the last one counts", `{"type":"dance","type":"ping"}`, ""},
		"Spaces":        {"JSON has them", " \t\r\n{ \"type\" : \"ping\" } ", ""},
		"Escapes":       {"a bracket in a string is none", `{"type":"ping","x":"` + strings.Repeat(`[{\"\\`, 1000) + `"}`, ""},
		"Deep":          {"within the bound", nest(protocol.MaxDepth - 1), ""},
		"TooDeep":       {"a parser's stack is bounded", nest(protocol.MaxDepth), protocol.CodeBadFrame},
		"VeryDeep":      {"a parser's stack is bounded", nest(20000), protocol.CodeBadFrame},
		"TooMany":       {"a frame's values are bounded", `{"type":"presence","users":[` + strings.Repeat(`"",`, protocol.MaxTokens) + `""]}`, protocol.CodeBadFrame},
		"Trailing":      {"one object to a frame", `{"type":"ping"}{"type":"ping"}`, protocol.CodeBadFrame},
		"Cut":           {"it ends in the middle", `{"type":"ping`, protocol.CodeBadFrame},
		"EscapedEnd":    {"it ends in the middle", `{"type":"ping\`, protocol.CodeBadFrame},
		"Null":          {"it says nothing", `null`, protocol.CodeBadFrame},
		"Number":        {"a frame is an object", `7`, protocol.CodeBadFrame},
		"Empty":         {"it says nothing", ``, protocol.CodeBadFrame},
		"HugeNumber":    {"a seq has 64 bits", `{"type":"read","conversation":"room","seq":18446744073709551616}`, protocol.CodeBadFrame},
		"NotUTF8":       {"text is UTF-8", "{\"type\":\"send\",\"conversation\":\"room\",\"client_msg_id\":\"m\",\"body\":\"\xff\"}", protocol.CodeBadFrame},
		"Surrogate":     {"half a character is replaced, as JSON's readers do", `{"type":"ping","x":"\ud800"}`, ""},
	}
	for name, tc := range cases {
		s.Raw(tc.say)
		f := s.Next()
		if tc.code == "" && f.Type != protocol.TypePong || tc.code != "" && f.Code != tc.code {
			t.Errorf("%s: %s: got %+v, want %q", name, tc.reason, f, tc.code)
		}
	}
}

func TestAUsersConnectionsShareARate(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.UserSendRate = 0.001; o.Limits.UserSendBurst = 1 })
	w.Create("room", "alice", "bob")
	phone, tablet, bob := w.Hello(g.URL, "alice", "phone"), w.Hello(g.URL, "alice", "tablet"), w.Hello(g.URL, "bob", "phone")
	phone.Say(send("m1"))
	if got := answers(phone, 1); got[0] != "m1 #2" {
		t.Errorf("the first: %v", got)
	}
	tablet.Say(send("m2"))
	if got := answers(tablet, 1); got[0] != "m2 rate_limited" {
		t.Errorf("the same user elsewhere: %v", got)
	}
	bob.Say(send("m3"))
	if got := answers(bob, 1); got[0] != "m3 #3" {
		t.Errorf("another user: %v", got)
	}
}

// What the user's rate refuses costs the connection none of its own.
func TestARefusalCostsNothing(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) {
		o.Limits.UserSendRate, o.Limits.UserSendBurst = 5, 1
		o.Limits.SendRate, o.Limits.SendBurst = 0.001, 2
	})
	w.Create("room", "alice")
	alice := w.Hello(g.URL, "alice", "phone")
	alice.Say(send("m1"))
	if got := answers(alice, 1); got[0] != "m1 #2" {
		t.Fatalf("the first: %v", got)
	}
	refused := 0
	for end := time.Now().Add(10 * time.Second); ; refused++ {
		alice.Say(send("m2"))
		got := answers(alice, 1)[0]
		if got == "m2 #3" {
			break
		}
		if got != "m2 rate_limited" || time.Now().After(end) {
			t.Fatalf("the second, after %d refusals: %s", refused, got)
		}
	}
	if refused == 0 {
		t.Error("it was never refused: nothing is proven")
	}
}

func TestAGatewayThatIsShortOfMemoryTakesNobodyIn(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.MemoryBytes = 1 << 20 })
	live := w.Hello(g.URL, "alice", "phone")
	g.Hold(1<<20 + 1)
	if code := w.Open(g.URL, nil).Closed(); code != protocol.CloseFull {
		t.Errorf("close code = %d, want %d", code, protocol.CloseFull)
	}
	live.Say(protocol.ClientFrame{Type: protocol.TypePing})
	live.Expect(protocol.TypePong)
	g.Hold(-1<<20 - 1)
	w.Hello(g.URL, "bob", "phone")
}

func TestManyStalledReadersAreClosedBeforeMemoryRunsOut(t *testing.T) {
	const readers = 24
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) { o.Limits.MemoryBytes = 2 << 20; o.Limits.WriteTimeout = time.Minute })
	users := []string{"quick", "talker"}
	for i := range readers {
		users = append(users, fmt.Sprint("slow", i))
	}
	v := w.Create("room", users...)
	quick := w.Hello(g.URL, "quick", "phone")
	quick.Entries(1)
	var stalled []*gatewaytest.Socket
	for _, u := range users[2:] {
		s := w.Hello(g.URL, u, "phone")
		s.Entries(1)
		stalled = append(stalled, s)
	}
	body := strings.Repeat("x", 15<<10)
	most, hard := int64(0), int64(0)
	n, until := uint64(1), time.Now().Add(30*time.Second) // closing takes its time, however many messages come meanwhile
	for ; g.Count() > readers/2; n++ {
		w.Say(v, "talker", fmt.Sprint(n, body))
		wantSeqs(t, quick, []uint64{n + 1})
		var now int64
		now, hard = g.Held()
		most = max(most, now)
		if time.Now().After(until) {
			t.Fatalf("%d connections that read nothing are still there after %d messages", g.Count(), n)
		}
	}
	// What one write holds and what is encoded may come on top, once for each connection.
	if limit := hard + readers*64<<10; most > limit {
		t.Errorf("%d bytes were held, at most %d may be", most, limit)
	}
	if most < 1<<20 {
		t.Errorf("%d bytes were held at most: nothing was stalled and the test shows nothing", most)
	}
	for _, s := range stalled {
		_ = s.Close()
	}
	w.Eventually("what was held is let go", func() bool { now, _ := g.Held(); return now <= 8<<10 })
	// The one that read was not touched, and those that were closed lose nothing.
	w.Say(v, "talker", "the last")
	wantSeqs(t, quick, []uint64{n + 1})
	back := w.Hello(g.URL, "slow0", "phone")
	f := back.Expect(protocol.TypeGap)
	if got := back.Entries(n + 1); got[0].Seq != f.To+1 {
		t.Errorf("the gap ends at %d and the entries begin at %d", f.To, got[0].Seq)
	}
}

func TestATokenInAURLIsRefusedAndSaysWhy(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	for _, path := range []string{
		"/v1/ws?token=alice", "/v1/ws?access_token=alice", "/v1/ws?Access_Token=alice", "/v1/ws?%74oken=alice",
		"/v1/inbox?token=alice", "/v1/inbox?limit=5&id_token=alice", "/nowhere?authorization=alice",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(g.URL, "ws://", "http://", 1)+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer alice")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(body.String(), "never in a URL") || strings.Contains(body.String(), "alice") {
			t.Errorf("%s: %d %s, want a problem that says where tokens belong", path, res.StatusCode, body.String())
		}
		if kind := res.Header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s: %s", path, kind)
		}
	}
}

// safeBuffer is a log that many goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func TestNoLogHoldsATokenOrABody(t *testing.T) {
	key, err := issuer.LoadOrCreateKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := issuer.Handler("http://issuer.test", key)
	if err != nil {
		t.Fatal(err)
	}
	keys := httptest.NewServer(h)
	defer keys.Close()
	mint := func(user string, ttl time.Duration) string {
		token, err := issuer.Mint(key, issuer.Claims{Issuer: "http://issuer.test", Audience: "chat", User: user, TTL: ttl})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	var out safeBuffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	verifier, err := auth.New([]config.Issuer{
		{Tenant: string(gatewaytest.Tenant), Issuer: "http://issuer.test", Audience: "chat", JWKSURL: keys.URL + issuer.JWKSPath},
	}, auth.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w := gatewaytest.New(t)
	p := w.Pod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) { o.Verifier, o.Logger = verifier, log })
	w.Create("room", "alice", "bob")
	good, other, odd := mint("alice", time.Hour), mint("bob", time.Hour), mint("alice", time.Second)+"x"
	const secret = "a-body-that-nobody-may-log"

	alice := w.Hello(g.URL, good, "phone")
	alice.Say(protocol.ClientFrame{Type: protocol.TypeSend, Conversation: "room", ClientMsgID: "m1", Body: secret})
	alice.Expect(protocol.TypeAck)
	for _, token := range []string{good, other, odd} {
		alice.Say(refresh(token, "r"))
		alice.Next()
	}
	alice.Raw(`{"type":"send","body":"` + secret + `","seq":"` + good + `"}`)
	alice.Raw(`{"type":"` + good + `"}`)
	for _, token := range []string{odd, "a.b." + good, ""} {
		s := w.Open(g.URL, nil)
		s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: token, Device: "phone"})
		s.Closed()
		inboxStatus(t, g.URL, token)
	}
	_, res, err := websocket.DefaultDialer.Dial(g.URL+"/v1/ws?token="+good, nil)
	if err == nil || res.StatusCode != http.StatusBadRequest {
		t.Errorf("a token in the URL: %v", err)
	}
	// Faults are what is logged most.
	w.Store.OnRead(func(store.Conv, uint64) error { return gatewaytest.ErrBroken })
	p.Break()
	inboxStatus(t, g.URL, good)
	if err := g.RevokeToken(t.Context(), w.User("alice"), "some-id", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	logged := out.b.String()
	if logged == "" {
		t.Fatal("nothing was logged and the test shows nothing")
	}
	for _, hidden := range []string{good, other, odd, secret} {
		for _, part := range strings.Split(hidden, ".") {
			if len(part) > 8 && strings.Contains(logged, part) {
				t.Errorf("the log holds a part of a secret of %d bytes", len(part))
			}
		}
	}
}
