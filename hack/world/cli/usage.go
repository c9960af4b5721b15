package cli

import (
	"fmt"
	"strings"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

// usage says how to use a world that is up.
func usage(w world.World, sample bool) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if sample && !w.EnginesOnly {
		p("  web client                  %s", w.WebURL)
		p(`                              "Continue with acme" and be alice; open it in a private window, too, and be bob there`)
		p("")
	}
	p("  all of this, for programs   %s/world.json", w.State)
	p("  push sink                   %s", w.Sink.URL)
	p("  PostgreSQL                  %s   database and user %s, password in %s", w.Postgres.Address, w.Postgres.Database, w.Postgres.PasswordFile)
	p("  Redis                       %s   password in %s", w.Redis.Address, w.Redis.PasswordFile)
	p("  Kafka                       %s", w.Kafka.Address)
	p("  DynamoDB                    %s", w.DynamoDB.Endpoint)
	p("  token issuer                %s", w.Issuer.URL)
	if w.EnginesOnly {
		return b.String()
	}
	if sample {
		p("  gateway                     %s", w.GatewayURL)
		p("  tokens                      %s (alice)", w.Issuer.Tokens["alice"])
		p("                              %s (bob)", w.Issuer.Tokens["bob"])
	}
	p("")
	p("Kubernetes:")
	p("  export KUBECONFIG=%s", w.Kubeconfig)
	p("  bin/kubectl get chc,pods -A")
	if sample {
		p("")
		p("Chat, in two terminals:")
		p("  bin/chatd client --url %s --token-file %s --to bob", w.GatewayURL, w.Issuer.Tokens["alice"])
		p("  bin/chatd client --url %s --token-file %s --to alice", w.GatewayURL, w.Issuer.Tokens["bob"])
		p("Give bob a phone; what he has not read 5 s after it came shows at %s:", w.Sink.URL)
		p(`  curl -X PUT %s/v1/devices/phone -H "Authorization: Bearer $(cat %s)" -d '{"platform":"android","push_channel":"GCM","push_token":"bobs-phone"}'`,
			strings.Replace(w.GatewayURL, "ws://", "http://", 1), w.Issuer.Tokens["bob"])
	}
	return b.String()
}
