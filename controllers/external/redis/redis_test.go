package redis

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/runtime/dial/dialtest"
)

func TestPing(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("hunter2")
	clients := NewClients(nil)
	t.Cleanup(clients.Close)
	cases := map[string]struct {
		reason   string
		address  string
		password string
		want     string
		terminal bool
	}{
		"Answers":  {reason: "a cache that answers is fine", address: server.Addr(), password: "hunter2"},
		"Wrong":    {reason: "a wrong password needs a person", address: server.Addr(), password: "s3cret", want: v1alpha1.ReasonAccessDenied, terminal: true},
		"Missing":  {reason: "so does none", address: server.Addr(), want: v1alpha1.ReasonAccessDenied, terminal: true},
		"NotThere": {reason: "a cache that is down may come back", address: "127.0.0.1:1", want: v1alpha1.ReasonUnreachable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := clients.Get(NewAccess([]string{tc.address}, false, false, "", tc.password))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Observe(t.Context())
			if (err != nil) != (tc.want != "") {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if err == nil {
				return
			}
			if fault.Reason(err) != tc.want || fault.IsTerminal(err) != tc.terminal {
				t.Errorf("%s: %s, terminal %v: %v", tc.reason, fault.Reason(err), fault.IsTerminal(err), err)
			}
			if tc.password != "" && strings.Contains(err.Error(), tc.password) {
				t.Error("the error holds the password")
			}
		})
	}
}

// What does not fit is said in the spec's words, and asks for a person.
func TestTLS(t *testing.T) {
	authority, stranger := dialtest.New(t), dialtest.New(t)
	secure, plain := miniredis.NewMiniRedis(), miniredis.RunT(t)
	if err := secure.StartTLS(authority.Server(false)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(secure.Close)
	clients := NewClients(nil)
	t.Cleanup(clients.Close)
	cases := map[string]struct {
		reason   string
		access   Access
		want     string
		terminal bool
		says     string
	}{
		"Trusted":   {reason: "an authority of one's own", access: Access{addresses: secure.Addr(), TLS: true, CA: authority.PEM()}},
		"Unknown":   {reason: "nobody vouches for it", access: Access{addresses: secure.Addr(), TLS: true, CA: stranger.PEM()}, want: v1alpha1.ReasonAccessDenied, terminal: true, says: "elastiCache.caSecret"},
		"NotTLS":    {reason: "the cache speaks no TLS", access: Access{addresses: plain.Addr(), TLS: true}, want: v1alpha1.ReasonUnreachable, says: "elastiCache.tls"},
		"OnlyTLS":   {reason: "the cache speaks TLS alone", access: Access{addresses: secure.Addr()}, want: v1alpha1.ReasonUnreachable, says: "elastiCache.tls"},
		"NotPEM":    {reason: "a bundle that is none", access: Access{addresses: secure.Addr(), TLS: true, CA: "x"}, want: v1alpha1.ReasonUnreachable, says: "PEM"},
		"Unsharded": {reason: "a single server", access: Access{addresses: plain.Addr()}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := clients.Get(tc.access)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Observe(t.Context())
			if (err != nil) != (tc.want != "") {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if err != nil && (fault.Reason(err) != tc.want || fault.IsTerminal(err) != tc.terminal || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%s: %s, terminal %v: %v", tc.reason, fault.Reason(err), fault.IsTerminal(err), err)
			}
		})
	}
}

func TestExamine(t *testing.T) {
	cases := map[string]struct {
		reason      string
		clusterMode bool
		text        string
		want        Info
		says        string // of the error
	}{
		"Fits":    {reason: "it is what the spec says", text: "# Server\r\nredis_version:7.1.0\r\ncluster_enabled:0\r\n", want: Info{Version: "7.1.0"}},
		"Valkey":  {reason: "Valkey calls itself Redis 7.2.4 for compatibility", text: "redis_version:7.2.4\nvalkey_version:8.0.1\n", want: Info{Version: "8.0.1"}},
		"Sharded": {reason: "commands would be refused as moved", text: "redis_version:7.1.0\ncluster_enabled:1\n", want: Info{"7.1.0", true}, says: "set elastiCache.clusterMode"},
		"Single":  {reason: "a single server knows no slots", clusterMode: true, text: "redis_version:7.1.0\ncluster_enabled:0\n", want: Info{Version: "7.1.0"}, says: "remove elastiCache.clusterMode"},
		"Old":     {reason: "it knows no users", text: "redis_version:5.0.6\n", want: Info{Version: "5.0.6"}, says: "too old"},
		"Silent":  {reason: "what a cache does not say is not held against it", clusterMode: true, text: "# Clients\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := (&client{clusterMode: tc.clusterMode}).examine(tc.text)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if (err != nil) != (tc.says != "") || err != nil && (!fault.IsTerminal(err) || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
}
