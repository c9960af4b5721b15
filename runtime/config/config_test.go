package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/config"
)

const valid = `
cluster: chat/demo
aws: {region: us-east-1}
auth:
  issuers:
    - {tenant: acme, issuer: "https://id.acme.example", audience: chat, jwksURL: "https://id.acme.example/jwks"}
dynamoDB: {tablePrefix: demo-, hotRetention: 720h}
kafka: {brokers: ["kafka:9092"], topicPrefix: demo.}
postgres: {host: db, port: 5432, database: chat, user: chat, passwordFile: /secrets/postgres, sslMode: require}
redis: {addresses: ["redis:6379"], keyPrefix: "demo:"}
push: {applicationID: app, delay: 5s}
gateway: {drainPeriod: 30s, maxConnections: 1000}
admin: {allowedOrigins: ["https://desk.example"]}
chat: {service: "demo-chat.chat.svc:7400"}
`

func TestParseReadsAValidFile(t *testing.T) {
	c, err := config.Parse([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.DynamoDB.HotRetention.Duration, 30*24*time.Hour; got != want {
		t.Errorf("hotRetention = %v, want %v", got, want)
	}
	if got, want := c.Admin.AllowedOrigins, "https://desk.example"; len(got) != 1 || got[0] != want {
		t.Errorf("admin.allowedOrigins = %q, want %q", got, want)
	}
	if got, want := c.Auth.Issuers[0].Tenant, "acme"; got != want {
		t.Errorf("tenant = %q, want %q", got, want)
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	cases := map[string]struct {
		reason   string
		old, new string
		want     string
	}{
		"UnknownField": {
			reason: "a misspelled field must not be ignored",
			old:    "keyPrefix:", new: "keyprefixes:", want: `unknown field "keyprefixes"`,
		},
		"NoIssuer": {
			reason: "without an issuer nobody could connect",
			old:    "issuers:\n    - {tenant: acme, issuer: \"https://id.acme.example\", audience: chat, jwksURL: \"https://id.acme.example/jwks\"}",
			new:    "issuers: []", want: "auth.issuers is empty",
		},
		"IssuerWithoutTenant": {
			reason: "an issuer speaks for exactly one tenant",
			old:    "tenant: acme", new: "tenant: ''", want: "auth.issuers[0] needs tenant",
		},
		"NoPassword": {
			reason: "somebody must log in somehow",
			old:    "passwordFile: /secrets/postgres, ", new: "", want: "postgres needs passwordFile or iam",
		},
		"CacheIAM": {
			reason: "a token is made for a cache and a user",
			old:    `redis: {addresses: ["redis:6379"]`, new: `redis: {iam: true, addresses: ["redis:6379"]`, want: "redis.iam needs user, cacheName and tls",
		},
		"HalfACertificate": {
			reason: "a certificate without its key is none",
			old:    "kafka: {", new: "kafka: {certFile: x, ", want: "kafka needs both certFile and keyFile",
		},
		"ShortRetention": {
			reason: "lanes open at a mark that must outlive a day",
			old:    "720h", new: "23h", want: "dynamoDB.hotRetention is below 24h",
		},
		"NotADuration": {
			reason: "a number without a unit is ambiguous",
			old:    "delay: 5s", new: "delay: 5", want: "parse configuration",
		},
		"DetectorMode": {
			reason: "a mode that is misspelled must not be off",
			old:    "gateway:", new: "processors: {spam: {mode: on}}\ngateway:", want: "processors.spam.mode is neither",
		},
		"DetectorAction": {
			reason: "there are two things to do about a finding",
			old:    "gateway:", new: "processors: {fraud: {mode: Enforce, action: delete}}\ngateway:", want: "processors.fraud.action is neither",
		},
		"SpamLimit": {
			reason: "of a sender no more is remembered",
			old:    "gateway:", new: "processors: {spam: {mode: Flag, limits: {velocity: 86}}}\ngateway:", want: "processors.spam.limits.velocity is not between 0 and 85",
		},
		"LimitsOfOthers": {
			reason: "who writes them there believes that they hold",
			old:    "gateway:", new: "processors: {fraud: {mode: Flag, limits: {velocity: 8}}}\ngateway:", want: "processors.fraud.limits are spam's alone",
		},
		"LocalesOfOthers": {
			reason: "who writes them there believes that they hold",
			old:    "gateway:", new: "processors: {spam: {mode: Flag, locales: [en]}}\ngateway:", want: "processors.spam.locales are profanity's alone",
		},
		"NoConnections": {
			reason: "a gateway that takes no connection is a mistake",
			old:    "maxConnections: 1000", new: "maxConnections: 0", want: "gateway.maxConnections is not positive",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(valid, tc.old, tc.new, 1)
			if text == valid {
				t.Fatal("the case changes nothing")
			}
			_, err := config.Parse([]byte(text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: error = %v, want one with %q", tc.reason, err, tc.want)
			}
		})
	}
}

func TestParseReportsEveryProblem(t *testing.T) {
	_, err := config.Parse([]byte("{}"))
	if err == nil {
		t.Fatal("an empty file was accepted")
	}
	for _, field := range []string{"cluster", "aws.region", "kafka.brokers", "postgres", "redis.addresses", "chat.service"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("the error does not name %s: %v", field, err)
		}
	}
}

func TestReadSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := config.ReadSecret(path); err != nil || got != "hush" {
		t.Errorf("ReadSecret = %q, %v; want the content without its newline", got, err)
	}
	if got, err := config.ReadSecret(""); err != nil || got != "" {
		t.Errorf("ReadSecret of no path = %q, %v; want an empty secret", got, err)
	}
	if _, err := config.ReadSecret(path + ".absent"); err == nil {
		t.Error("a missing file was taken as an empty secret")
	}
}

// An image that is rolled back runs with what a newer operator wrote.
func TestLoadLeavesUnknownFieldsAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	newer := strings.Replace(valid, "chat: {service", "invented: {secret: hunter2}\nchat: {later: 1, service", 1)
	if err := os.WriteFile(path, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	c, unknown, err := config.Load(path)
	if err != nil || c.Chat.Service != "demo-chat.chat.svc:7400" {
		t.Fatalf("a newer operator's configuration was refused: %v", err)
	}
	got := strings.Join(unknown, "; ")
	if len(unknown) != 2 || !strings.Contains(got, `"invented"`) || !strings.Contains(got, `"chat.later"`) || strings.Contains(got, "hunter2") {
		t.Errorf("told of %s, want both fields and no value", got)
	}
	if err := os.WriteFile(path, []byte(newer+"\nchat: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := config.Load(path); err == nil {
		t.Error("a field that stands there twice was accepted")
	}
}
