package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/fraud"
	"github.com/chatcluster/chatcluster/runtime/moderate/profanity"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam"
	"github.com/chatcluster/chatcluster/runtime/mtls/mtlstest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/test/metricdoc"
)

var update = flag.Bool("update", false, "write docs/metrics-chatd.md anew")

// silent is a detector that finds nothing.
type silent struct{}

func (silent) Name() string { return "spam" }

func (silent) Judge(_ context.Context, messages []moderate.Message) ([]moderate.Finding, error) {
	return make([]moderate.Finding, len(messages)), nil
}

// detectorsOwn is what detectors register beside their frame.
func detectorsOwn(t *testing.T) []*metricdoc.Recorder {
	t.Helper()
	ofSpam, ofProfanity, ofFraud := metricdoc.New(spam.Name), metricdoc.New(profanity.Name), metricdoc.New(fraud.Name)
	_, spamErr := spam.New(spam.Options{Registerer: ofSpam})
	_, profanityErr := profanity.New(profanity.Options{Registerer: ofProfanity})
	_, fraudErr := fraud.New(fraud.Options{Registerer: ofFraud})
	if err := errors.Join(spamErr, profanityErr, fraudErr); err != nil {
		t.Fatal(err)
	}
	return []*metricdoc.Recorder{ofSpam, ofProfanity, ofFraud}
}

// What is documented, and what rules and dashboards are checked against, is what the roles register.
func TestMetricsAreDocumented(t *testing.T) {
	cfg, err := config.Parse([]byte(`
cluster: chat/demo
aws: {region: eu-central-1}
auth: {issuers: [{tenant: t, issuer: i, audience: a, jwksURL: "https://id.invalid/jwks"}]}
dynamoDB: {tablePrefix: p., hotRetention: 720h}
kafka: {brokers: ["kafka.invalid:9092"], topicPrefix: p.}
postgres: {host: db.invalid, port: 5432, database: d, user: u, passwordFile: /nowhere, sslMode: disable}
redis: {addresses: ["cache.invalid:6379"], keyPrefix: "p:"}
push: {applicationID: app, delay: 10s}
gateway: {drainPeriod: 10s, maxConnections: 10}
processors: {spam: {mode: Flag}, profanity: {mode: Flag}, fraud: {mode: Flag}}
chat: {service: "chat.invalid:7000"}
`))
	if err != nil {
		t.Fatal(err)
	}
	volume, ca := mtlstest.NewVolume(t), mtlstest.NewAuthority(t)
	cert, key := ca.Sign(t, "chat.invalid")
	volume.Put(t, cert, key, ca)
	cfg.Chat.TLS = config.MutualTLS{CertFile: volume.Cert, KeyFile: volume.Key, CAFile: volume.CA, ChatName: "chat.invalid", GatewayName: "gateway.invalid"}
	roles := map[string]func(context.Context, role, *ops) error{
		"gateway": runGateway, "chat": runChat, "notify": runNotify, "project": runProject, "audit": runAudit, "analytics": runAnalytics,
		// The frame of every detector, around one that counts nothing.
		"processors": detectorRole{name: "spam", action: protocol.ActionHide, open: func(role, backends, config.Detector, *ops) (moderate.Detector, error) {
			return silent{}, nil
		}}.run,
	}
	for _, d := range detectors {
		roles[d.name] = d.run
	}
	recorders := detectorsOwn(t)
	for name, run := range roles {
		o, recorder := newOps(slog.New(slog.DiscardHandler)), metricdoc.New(name)
		o.registerer = recorder
		recorders = append(recorders, recorder)
		// A role whose context has ended is put together, dials nothing and returns.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = run(ctx, role{name: name, pod: "p", listen: "127.0.0.1:0", cfg: cfg, log: o.log, tracers: noop.NewTracerProvider()}, o)
	}
	metricdoc.Check(t, filepath.Join("..", "..", "docs", "metrics-chatd.md"), `# Metrics of the data plane

What the pods of a ChatCluster serve at `+"`:9090/metrics`"+`, beside the Go runtime's and the process' own. Labels have few values: none
is made of what users write. `+"`go test ./cmd/chatd -run Metrics -update`"+` writes this page.
`, *update, recorders)
}
