package conformance_test

import (
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol/conformance"
)

// Our own gateway with the real chat service, on the embedded store.
func TestOurGateway(t *testing.T) {
	w := gatewaytest.New(t)
	w.UseRedis()
	w.RealPod("c1")
	g := w.Gateway("g1", func(o *gateway.Options) {
		o.AllowedOrigins = []string{"https://chat.example"}
		o.DrainPeriod = time.Second
	})
	conformance.Run(t, conformance.Target{
		URL:     g.URL,
		Token:   func(_ testing.TB, user string) string { return user },
		Expired: func(testing.TB, string) string { return "expired" },
		// The verifier's skew of 30 s is granted on top.
		Expiring: func(_ testing.TB, user string) string { return user + "~-27s" },
		SignOut: func(t testing.TB, user string) {
			if err := g.SignOutAll(t.Context(), w.User(user)); err != nil {
				t.Fatal(err)
			}
		},
		Drain: func(testing.TB) { g.BeginStop() },
	})
}
