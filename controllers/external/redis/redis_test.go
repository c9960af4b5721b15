package redis

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
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
