package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func refresh(token, ref string) protocol.ClientFrame {
	return protocol.ClientFrame{Type: protocol.TypeToken, Token: token, Ref: ref}
}

func TestATokenIsRefreshedInPlace(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	// The skew of 30 s is granted on top: 1.5 s are left of this token.
	s := w.Hello(g.URL, "alice~-28500ms", "phone")
	s.Say(refresh("alice~1h", "r1"))
	s.Expect(protocol.TypeToken) // the offer
	f := s.Next()
	if f.Type != protocol.TypeToken || f.Ref != "r1" || time.UnixMilli(f.ExpiresAtMS).Before(time.Now().Add(59*time.Minute)) {
		t.Fatalf("got %+v, want the new expiry", f)
	}
	later := time.Now().Add(2 * time.Second)
	for time.Now().Before(later) {
		s.Say(protocol.ClientFrame{Type: protocol.TypePing})
		s.Expect(protocol.TypePong)
	}
}

func TestARefreshIsOfferedBeforeTheExpiry(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	s := w.Open(g.URL, nil)
	s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "alice~61s", Device: "phone"})
	welcome := s.Expect(protocol.TypeWelcome)
	offer := s.Next()
	if offer.Type != protocol.TypeToken || offer.Ref != "" || offer.ExpiresAtMS != welcome.ExpiresAtMS {
		t.Errorf("got %+v, want an offer a minute before %d", offer, welcome.ExpiresAtMS)
	}
	if left := time.Until(time.UnixMilli(offer.ExpiresAtMS)); left > time.Minute || left < 45*time.Second {
		t.Errorf("offered %v before the expiry", left)
	}
}

func TestARefreshThatIsRefusedChangesNothing(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	s := w.Hello(g.URL, "alice", "phone")
	cases := map[string]struct {
		reason string
		token  string
		code   protocol.Code
	}{
		"OtherUser":   {"who is connected does not change", "bob", protocol.CodeForbidden},
		"Bad":         {"nobody signed it", "bad", protocol.CodeUnauthenticated},
		"Missing":     {"there is none", "", protocol.CodeUnauthenticated},
		"Expired":     {"it is over", "expired", protocol.CodeTokenExpired},
		"Later":       {"its keys are not there yet", "later", protocol.CodeUnavailable},
		"OtherDevice": {"it is bound to another device", "alice!t1@tablet", protocol.CodeForbidden},
	}
	for name, tc := range cases {
		s.Say(refresh(tc.token, name))
		f := s.Next()
		want := protocol.ServerFrame{Type: protocol.TypeError, Code: tc.code, Ref: name}
		if diff := cmp.Diff(want, f, cmpopts.IgnoreFields(f, "Detail", "RetryAfterMS")); diff != "" {
			t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
		}
		if tc.code.Retryable() != (f.RetryAfterMS > 0) {
			t.Errorf("%s: retry after %d ms", tc.reason, f.RetryAfterMS)
		}
	}
	s.Say(protocol.ClientFrame{Type: protocol.TypePing})
	s.Expect(protocol.TypePong)
}

func TestATokenOfAnotherDeviceIsRefused(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	s := w.Open(g.URL, nil)
	s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "alice!t1@phone", Device: "tablet"})
	if f := s.Next(); f.Code != protocol.CodeForbidden {
		t.Errorf("got %+v, want forbidden", f)
	}
	if code := s.Closed(); code != protocol.CloseUnauthenticated {
		t.Errorf("close code = %d", code)
	}
	w.Hello(g.URL, "alice!t1@phone", "phone")
}

func TestRevocationsCloseConnectionsAtEveryGateway(t *testing.T) {
	cases := map[string]struct {
		reason string
		revoke func(g *gatewaytest.Gateway, w *gatewaytest.World, alice store.User) error
		closed []string
	}{
		"Device": {
			"the phone was lost",
			func(g *gatewaytest.Gateway, w *gatewaytest.World, alice store.User) error {
				return g.SignOutDevice(w.T.Context(), alice, "phone")
			}, []string{"phone"},
		},
		"Token": {
			"one session ends",
			func(g *gatewaytest.Gateway, w *gatewaytest.World, alice store.User) error {
				return g.RevokeToken(w.T.Context(), alice, "t2", time.Now().Add(time.Hour))
			}, []string{"laptop"},
		},
		"User": {
			"everything ends",
			func(g *gatewaytest.Gateway, w *gatewaytest.World, alice store.User) error {
				return g.SignOutAll(w.T.Context(), alice)
			}, []string{"laptop", "phone", "tablet"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := gatewaytest.New(t)
			g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
			open := map[string]*gatewaytest.Socket{
				"phone":  w.Hello(g1.URL, "alice", "phone"),
				"laptop": w.Hello(g2.URL, "alice!t2", "laptop"),
				"tablet": w.Hello(g2.URL, "alice!t3", "tablet"),
			}
			bob := w.Hello(g2.URL, "bob", "phone")
			if err := tc.revoke(g1, w, w.User("alice")); err != nil {
				t.Fatal(err)
			}
			for _, device := range tc.closed {
				if code := open[device].Closed(); code != protocol.CloseRevoked {
					t.Errorf("%s: the %s's close code = %d, want %d", tc.reason, device, code, protocol.CloseRevoked)
				}
				delete(open, device)
			}
			for _, s := range open {
				s.Say(protocol.ClientFrame{Type: protocol.TypePing})
				s.Expect(protocol.TypePong)
			}
			bob.Say(protocol.ClientFrame{Type: protocol.TypePing})
			bob.Expect(protocol.TypePong)
		})
	}
}

func TestWhoWasSignedOutComesBackWithANewTokenAlone(t *testing.T) {
	w := gatewaytest.New(t)
	g1, g2 := w.Gateway("g1", nil), w.Gateway("g2", nil)
	live := w.Hello(g2.URL, "alice", "phone")
	if err := g1.SignOutAll(t.Context(), w.User("alice")); err != nil {
		t.Fatal(err)
	}
	live.Closed()
	for _, g := range []*gatewaytest.Gateway{g1, g2} {
		s := w.Open(g.URL, nil)
		s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "alice", Device: "phone"})
		if f := s.Next(); f.Code != protocol.CodeUnauthenticated {
			t.Errorf("an old token: %+v, want unauthenticated", f)
		}
		if code := s.Closed(); code != protocol.CloseRevoked {
			t.Errorf("an old token: close code = %d, want %d", code, protocol.CloseRevoked)
		}
		if status := inboxStatus(t, g.URL, "alice"); status != http.StatusUnauthorized {
			t.Errorf("an old token on REST: %d", status)
		}
		again := w.Hello(g.URL, "alice!new", "phone")
		again.Say(refresh("alice", "r1"))
		if f := again.Next(); f.Code != protocol.CodeUnauthenticated {
			t.Errorf("a refresh with an old token: %+v, want unauthenticated", f)
		}
	}
}

func TestWithoutTheRevocationsNothingNewIsAcceptedAndWhatIsConnectedStays(t *testing.T) {
	w := gatewaytest.New(t)
	unknown := &unknownRevocations{}
	g := w.Gateway("g1", func(o *gateway.Options) { unknown.Revocations = o.Revocations; o.Revocations = unknown })
	live := w.Hello(g.URL, "alice", "phone")
	unknown.unknown.Store(true)
	s := w.Open(g.URL, nil)
	s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "bob", Device: "phone"})
	if f := s.Next(); f.Code != protocol.CodeUnavailable {
		t.Errorf("got %+v, want unavailable", f)
	}
	if code := s.Closed(); !code.Reconnect() {
		t.Errorf("close code = %d: the client must come back", code)
	}
	if status := inboxStatus(t, g.URL, "alice"); status != http.StatusServiceUnavailable {
		t.Errorf("REST: %d, want unavailable", status)
	}
	live.Say(protocol.ClientFrame{Type: protocol.TypePing})
	live.Expect(protocol.TypePong)
	unknown.unknown.Store(false)
	w.Hello(g.URL, "bob", "phone")
}

// inboxStatus is what REST answers to the token.
func inboxStatus(t *testing.T, url, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(url, "ws://", "http://", 1)+"/v1/inbox", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

// unknownRevocations cannot be read while the test says so.
type unknownRevocations struct {
	gateway.Revocations
	unknown atomic.Bool
}

func (u *unknownRevocations) Check(p gateway.Principal, device string) error {
	if u.unknown.Load() {
		return auth.ErrRevocationsUnknown
	}
	return u.Revocations.Check(p, device)
}

func history(ref string, after, before *uint64, limit int) protocol.ClientFrame {
	return protocol.ClientFrame{Type: protocol.TypeHistory, Conversation: "room", Ref: ref, After: after, Before: before, Limit: limit}
}

func TestHistoryPagesOverTheSocket(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	w.Say(v, "bob", "two", "three", "four", "five")
	s := w.Hello(g.URL, "alice", "phone")
	s.Entries(5)
	one, four, nine := uint64(1), uint64(4), uint64(9)
	cases := map[string]struct {
		ask  protocol.ClientFrame
		want []uint64
		more bool
	}{
		"Newest": {history("a", nil, nil, 2), gatewaytest.Range(4, 5), true},
		"After":  {history("b", &one, nil, 2), gatewaytest.Range(2, 3), true},
		"Before": {history("c", nil, &four, 2), gatewaytest.Range(2, 3), true},
		"All":    {history("d", nil, nil, 0), gatewaytest.Range(1, 5), false},
		"Beyond": {history("e", &nine, nil, 2), nil, false},
		"NoRef":  {history("", nil, &four, 9), gatewaytest.Range(1, 3), false},
	}
	for name, tc := range cases {
		s.Say(tc.ask)
		f := s.Next()
		if f.Type != protocol.TypeHistory || f.Ref != tc.ask.Ref || f.Conversation != "room" || f.More != tc.more {
			t.Errorf("%s: got %+v", name, f)
		}
		if diff := cmp.Diff(tc.want, gatewaytest.Seqs(f.Entries), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s, -want +got:\n%s", name, diff)
		}
	}
	refused := map[string]struct {
		reason string
		ask    protocol.ClientFrame
		code   protocol.Code
	}{
		"Both":    {"a page begins at one end", history("f", &one, &four, 2), protocol.CodeInvalid},
		"TooMany": {"pages are bounded", history("g", nil, nil, 201), protocol.CodeInvalid},
		"Less":    {"a page has something", history("h", nil, nil, -1), protocol.CodeInvalid},
		"LongRef": {"it is sent back", history(strings.Repeat("r", 65), nil, nil, 1), protocol.CodeInvalid},
		"Foreign": {"absence looks like non-membership", protocol.ClientFrame{Type: protocol.TypeHistory, Conversation: "hall", Ref: "i"}, protocol.CodeNotMember},
		"Nowhere": {"ids are checked", protocol.ClientFrame{Type: protocol.TypeHistory, Ref: "j"}, protocol.CodeInvalid},
	}
	for name, tc := range refused {
		s.Say(tc.ask)
		if f := s.Next(); f.Type != protocol.TypeError || f.Code != tc.code || f.Ref != tc.ask.Ref[:min(len(tc.ask.Ref), 64)] {
			t.Errorf("%s: %s: got %+v, want %s", name, tc.reason, f, tc.code)
		}
	}
}

func TestAPageOfLongMessagesIsCutAndGoesOn(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	v := w.Create("room", "alice", "bob")
	long := strings.Repeat("x", protocol.MaxBodyBytes)
	last := uint64(0)
	for range 40 {
		last = w.Say(v, "bob", long)
	}
	s := w.Hello(g.URL, "alice", "phone")
	s.Entries(last)
	var forward, back []uint64
	after, before := uint64(0), last+1
	for more := true; more; {
		s.Say(history("f", &after, nil, 200))
		f := s.Expect(protocol.TypeHistory)
		forward, more = append(forward, gatewaytest.Seqs(f.Entries)...), f.More
		after = forward[len(forward)-1]
	}
	for more := true; more; {
		s.Say(history("b", nil, &before, 200))
		f := s.Expect(protocol.TypeHistory)
		back, more = append(gatewaytest.Seqs(f.Entries), back...), f.More
		before = back[0]
	}
	for name, got := range map[string][]uint64{"forward": forward, "back": back} {
		if diff := cmp.Diff(gatewaytest.Range(1, last), got); diff != "" {
			t.Errorf("%s, -want +got:\n%s", name, diff)
		}
	}
}

// slowHistory answers when it may.
type slowHistory struct {
	then gateway.History
	free chan struct{}
}

func (h slowHistory) History(ctx context.Context, u store.User, v store.Conv, after, before *uint64, limit int) (protocol.HistoryPage, error) {
	select {
	case <-h.free:
	case <-ctx.Done():
		return protocol.HistoryPage{}, ctx.Err()
	}
	return h.then.History(ctx, u, v, after, before, limit)
}

func TestPagesThatAreWaitedForAreBoundedAndHoldNothingUp(t *testing.T) {
	w := gatewaytest.New(t)
	free := make(chan struct{})
	g := w.Gateway("g1", func(o *gateway.Options) { o.History = slowHistory{o.History, free} })
	w.Create("room", "alice")
	s := w.Hello(g.URL, "alice", "phone")
	s.Entries(1)
	for _, ref := range []string{"a", "b", "c"} {
		s.Say(history(ref, nil, nil, 1))
	}
	if f := s.Next(); f.Code != protocol.CodeBusy || f.Ref != "c" || f.RetryAfterMS == 0 {
		t.Errorf("got %+v, want busy for the third", f)
	}
	s.Say(protocol.ClientFrame{Type: protocol.TypePing})
	s.Expect(protocol.TypePong)
	close(free)
	got := map[string]bool{s.Expect(protocol.TypeHistory).Ref: true, s.Expect(protocol.TypeHistory).Ref: true}
	if !got["a"] || !got["b"] {
		t.Errorf("got pages %v, want a and b", got)
	}
	s.Say(history("c", nil, nil, 1))
	s.Expect(protocol.TypeHistory)
}
