package rest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestADevicesPushTokenIsKeptAndNotShown(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	const secret = "token-of-the-phone"
	a := call(t, g.URL, ask{
		method: http.MethodPut, path: "/v1/devices/phone", token: "alice", body: `{"platform":"ios","push_channel":"APNS","push_token":"` + secret + `"}`,
	})
	if a.StatusCode != http.StatusOK || strings.Contains(a.body, secret) {
		t.Errorf("status %d, body %s", a.StatusCode, a.body)
	}
	// Connecting changes nothing of it.
	w.Hello(g.URL, "alice", "phone")
	devices, err := w.Store.Devices(t.Context(), w.User("alice"))
	if err != nil || len(devices) != 1 || devices[0].PushToken != secret || devices[0].PushChannel != "APNS" {
		t.Errorf("devices = %+v, %v", devices, err)
	}
}

func TestDevicesAreListedWithoutTheirTokens(t *testing.T) {
	w := gatewaytest.New(t)
	url := w.Gateway("g1", nil).URL
	put := func(id, body string) protocol.DeviceDetails {
		return into[protocol.DeviceDetails](t, call(t, url, ask{method: http.MethodPut, path: "/v1/devices/" + id, token: "alice", body: body}), http.StatusOK)
	}
	const preferences = `"preferences":{"private":true,"do_not_disturb":{"from":"22:00","to":"07:05","time_zone":"Europe/Berlin"}}`
	phone := put("phone", `{"platform":"ios","push_channel":"APNS","push_token":"secret-1",`+preferences+`}`)
	want := protocol.DevicePreferences{Private: true, DoNotDisturb: &protocol.DoNotDisturb{From: "22:00", To: "07:05", TimeZone: "Europe/Berlin"}}
	if diff := cmp.Diff(want, phone.Preferences); diff != "" {
		t.Errorf("preferences, -want +got:\n%s", diff)
	}
	if again := put("phone", `{"platform":"ios","push_channel":"APNS","push_token":"secret-2"}`); cmp.Diff(phone, again) != "" {
		t.Errorf("a new token changed what it was not to: %s", cmp.Diff(phone, again))
	}
	put("laptop", `{"platform":"web"}`)
	a := call(t, url, ask{method: http.MethodGet, path: "/v1/devices", token: "alice"})
	if strings.Contains(a.body, "secret") {
		t.Errorf("a token is shown: %s", a.body)
	}
	got := into[protocol.Devices](t, a, http.StatusOK).Devices
	if len(got) != 2 || got[0].ID != "laptop" || got[1].ID != "phone" || got[1].RegisteredAtMS == 0 {
		t.Errorf("the devices are %+v", got)
	}
	if off := put("phone", `{"platform":"ios","preferences":{}}`); off.Preferences.Private || off.Preferences.DoNotDisturb != nil || off.PushChannel != "" {
		t.Errorf("without pushes and preferences it is %+v", off)
	}
}

func TestPreferencesOfDevicesAreChecked(t *testing.T) {
	w := gatewaytest.New(t)
	url := w.Gateway("g1", nil).URL
	quiet := func(from, to, zone string) string {
		return `{"platform":"ios","preferences":{"do_not_disturb":{"from":"` + from + `","to":"` + to + `","time_zone":"` + zone + `"}}}`
	}
	cases := map[string]struct{ reason, body string }{
		"NoHour":       {"a day has 24", quiet("24:00", "07:00", "UTC")},
		"NoMinute":     {"an hour has 60", quiet("22:60", "07:00", "UTC")},
		"NoTime":       {"as 22:00", quiet("10 pm", "07:00", "UTC")},
		"Signed":       {"digits alone", quiet("+1:00", "07:00", "UTC")},
		"SameTime":     {"all day or never?", quiet("07:00", "07:00", "UTC")},
		"NoZone":       {"whose time is it?", quiet("22:00", "07:00", "")},
		"NoSuchZone":   {"an IANA name", quiet("22:00", "07:00", "Mars/Olympus")},
		"TheServers":   {"the server's own is nobody's", quiet("22:00", "07:00", "Local")},
		"AFile":        {"a name is no path", quiet("22:00", "07:00", "../../etc/passwd")},
		"LongPushToke": {"tokens are bounded", `{"platform":"ios","push_channel":"APNS","push_token":"` + strings.Repeat("x", 4097) + `"}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, call(t, url, ask{method: http.MethodPut, path: "/v1/devices/phone", token: "alice", body: tc.body}), protocol.CodeInvalid, tc.reason)
		})
	}
	wantProblem(t, call(t, url, ask{method: http.MethodPut, path: "/v1/devices/phone", token: "alice!t@tablet", body: `{"platform":"ios"}`}),
		protocol.CodeForbidden, "a device registers itself")
}

func TestAUserHasSoManyDevices(t *testing.T) {
	w := gatewaytest.New(t)
	url := w.Gateway("g1", func(o *gateway.Options) { o.RESTLimits.RequestBurst = 1000 }).URL
	put := func(id string) answered {
		return call(t, url, ask{method: http.MethodPut, path: "/v1/devices/" + id, token: "alice", body: `{"platform":"web"}`})
	}
	for i := range 100 {
		into[protocol.DeviceDetails](t, put(fmt.Sprint("d", i)), http.StatusOK)
	}
	wantProblem(t, put("one-more"), protocol.CodeTooManyDevices, "each has a mark in every conversation")
	into[protocol.DeviceDetails](t, put("d7"), http.StatusOK)

	// A socket registers devices too.
	s := w.Open(url, nil)
	s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "alice", Device: "one-more"})
	if f := s.Next(); f.Type != protocol.TypeError || f.Code != protocol.CodeTooManyDevices || f.Detail == "" {
		t.Errorf("hello of one more is answered with %+v", f)
	}
	if code := s.Closed(); code != protocol.CloseTooManyDevices || code.Reconnect() {
		t.Errorf("hello of one more is closed with %d", code)
	}
	w.Hello(url, "alice", "d7")
	if devices, err := w.Store.Devices(t.Context(), w.User("alice")); err != nil || len(devices) != 100 {
		t.Errorf("%d devices, %v", len(devices), err)
	}
	if a := call(t, url, ask{method: http.MethodDelete, path: "/v1/devices/d7", token: "alice"}); a.StatusCode != http.StatusNoContent {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	w.Hello(url, "alice!t2", "one-more")
}

func TestADevicesLocale(t *testing.T) {
	w := gatewaytest.New(t)
	url := w.Gateway("g1", nil).URL
	put := func(body string) protocol.DeviceDetails {
		t.Helper()
		return into[protocol.DeviceDetails](t, call(t, url, ask{method: http.MethodPut, path: "/v1/devices/phone", token: "alice", body: body}), http.StatusOK)
	}
	hello := func(locale string) {
		t.Helper()
		s := w.Open(url, nil)
		s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "alice", Device: "phone", Platform: "ios", Locale: locale})
		s.Expect(protocol.TypeWelcome)
	}
	shown := func(reason, want string) {
		t.Helper()
		if devices := get[protocol.Devices](t, url, "/v1/devices", "alice").Devices; len(devices) != 1 || devices[0].Locale != want {
			t.Errorf("%s: %+v, want locale %q", reason, devices, want)
		}
	}
	hello("de-AT")
	shown("a new device says it", "de-AT")
	if got := put(`{"platform":"ios","push_channel":"APNS","push_token":"secret"}`); got.Locale != "de-AT" {
		t.Errorf("a push token changes it: %+v", got)
	}
	hello("")
	shown("who says none keeps it", "de-AT")
	hello("pt-BR")
	shown("its user has chosen another language", "pt-BR")
	if devices, err := w.Store.Devices(t.Context(), w.User("alice")); err != nil || devices[0].PushToken != "secret" {
		t.Errorf("a hello has lost the push token: %+v, %v", devices, err)
	}
	put(`{"platform":"ios","locale":"zh-Hans"}`)
	shown("registered with it", "zh-Hans")

	wantProblem(t, call(t, url, ask{method: http.MethodPut, path: "/v1/devices/phone", token: "alice", body: `{"platform":"ios","locale":"!"}`}),
		protocol.CodeInvalid, "it is no tag")
	s := w.Open(url, nil)
	s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: "alice", Device: "phone", Locale: "!"})
	if f := s.Next(); f.Code != protocol.CodeInvalid {
		t.Errorf("it is no tag: %+v", f)
	}
}

func TestSigningOut(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	w.Pod("c1")
	url := w.Gateway("g1", nil).URL
	const phone, laptop = "alice!t1@phone", "alice!t2@laptop"
	on, other := w.Hello(url, phone, "phone"), w.Hello(url, laptop, "laptop")
	w.Eventually("both are shown", func() bool { return len(get[protocol.Sessions](t, url, "/v1/sessions", laptop).Sessions) == 2 })
	sessions := get[protocol.Sessions](t, url, "/v1/sessions", laptop).Sessions
	if sessions[0].Device != "laptop" || sessions[1].Device != "phone" || sessions[0].ConnectedAtMS == 0 {
		t.Errorf("sessions = %+v", sessions)
	}

	if a := call(t, url, ask{method: http.MethodDelete, path: "/v1/devices/phone", token: laptop}); a.StatusCode != http.StatusNoContent {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	if code := on.Closed(); code != protocol.CloseRevoked {
		t.Errorf("its connection ended with %d", code)
	}
	devices := get[protocol.Devices](t, url, "/v1/devices", laptop).Devices
	if len(devices) != 1 || devices[0].ID != "laptop" {
		t.Errorf("the devices are %+v", devices)
	}

	if a := call(t, url, ask{method: http.MethodPost, path: "/v1/sign-out-all", token: "alice"}); a.StatusCode != http.StatusNoContent {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	if code := other.Closed(); code != protocol.CloseRevoked {
		t.Errorf("the other connection ended with %d", code)
	}
	wantProblem(t, call(t, url, ask{method: http.MethodGet, path: "/v1/inbox", token: "alice"}), protocol.CodeUnauthenticated, "an old token")
	devices2, err := w.Store.Devices(t.Context(), w.User("alice"))
	if err != nil || len(devices2) != 0 {
		t.Errorf("devices are left: %+v, %v", devices2, err)
	}
}

func TestWhatSigningOutReaches(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	const (
		phone, laptop = "alice!@phone", "alice!@laptop" // name their devices
		plain         = "alice"                         // names none
	)
	check := func(when string, good ...string) {
		t.Helper()
		for _, token := range []string{phone, laptop, plain, "alice!t1", "alice!t2"} {
			want := http.StatusUnauthorized
			if slices.Contains(good, token) {
				want = http.StatusOK
			}
			if a := call(t, g.URL, ask{method: http.MethodGet, path: "/v1/inbox", token: token}); a.StatusCode != want {
				t.Errorf("%s, token %q: status %d, want %d", when, token, a.StatusCode, want)
			}
		}
	}
	check("at first", phone, laptop, plain, "alice!t1", "alice!t2")
	w.Hello(g.URL, plain, "tablet")

	if a := call(t, g.URL, ask{method: http.MethodDelete, path: "/v1/devices/phone", token: laptop}); a.StatusCode != http.StatusNoContent {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	check("the phone is signed out: a token that names no device might be another's", laptop, plain, "alice!t1", "alice!t2")
	s := w.Open(g.URL, nil)
	s.Say(protocol.ClientFrame{Type: protocol.TypeHello, Token: plain, Device: "phone"})
	if code := s.Closed(); code != protocol.CloseRevoked {
		t.Errorf("on its socket the phone is known, whatever its token says: closed with %d", code)
	}

	if err := g.RevokeToken(t.Context(), w.User("alice"), "t1", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	check("a token is signed out by its id", laptop, plain, "alice!t2")

	if a := call(t, g.URL, ask{method: http.MethodPost, path: "/v1/sign-out-all", token: plain}); a.StatusCode != http.StatusNoContent {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	check("all devices are signed out, and every token, whatever it names; one that is issued later is good", "alice!t2")
}

func TestPresence(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	w.Pod("c1")
	url := w.Gateway("g1", nil).URL
	w.Hello(url, "bob", "phone")
	w.Hello(url, "dave", "phone")
	for _, user := range []string{"bob", "carol"} {
		into[protocol.Conversation](t, call(t, url, ask{method: http.MethodPost, path: "/v1/conversations", token: "alice", body: `{"kind":"direct","user":"` + user + `"}`}), http.StatusCreated)
	}
	ofBoth := func() []protocol.Presence {
		return get[protocol.PresenceList](t, url, "/v1/presence?user=carol&user=bob", "alice").Presence
	}
	w.Eventually("dave is online", func() bool {
		list, err := w.Redis.Cache.Presence(t.Context(), []store.User{w.User("dave")})
		return err == nil && list[0].Online
	})
	if got := get[protocol.PresenceList](t, url, "/v1/presence?user=dave", "alice").Presence; got[0].Online {
		t.Error("alice is told that dave is online, whom she never talked with")
	}
	w.Eventually("bob is online", func() bool { return ofBoth()[1].Online })
	if diff := cmp.Diff([]protocol.Presence{{User: "carol"}, {User: "bob", Online: true}}, ofBoth()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantProblem(t, call(t, url, ask{method: http.MethodGet, path: "/v1/presence" + "?user=" + strings.Repeat("x&user=", 100) + "y", token: "alice"}),
		protocol.CodeInvalid, "at most 100")
	wantProblem(t, call(t, url, ask{method: http.MethodGet, path: "/v1/presence?user=%00", token: "alice"}), protocol.CodeInvalid, "ids are checked")

	// Without routes nobody is known to be connected.
	alone := gatewaytest.New(t)
	url = alone.Gateway("g1", nil).URL
	if got := get[protocol.PresenceList](t, url, "/v1/presence?user=bob", "alice").Presence; len(got) != 1 || got[0].Online {
		t.Errorf("presence = %+v", got)
	}
	if got := get[protocol.Sessions](t, url, "/v1/sessions", "alice").Sessions; len(got) != 0 {
		t.Errorf("sessions = %+v", got)
	}
}
