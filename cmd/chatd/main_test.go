package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
)

func TestExitCodes(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	cases := map[string]struct {
		reason string
		args   []string
		code   int
		says   string
	}{
		"Version":        {"asking is no failure", []string{"--version"}, 0, "chatd version"},
		"UnknownCommand": {"the command line is wrong", []string{"gatewy"}, 2, "unknown command"},
		"UnknownFlag":    {"the command line is wrong", []string{"gateway", "--nope"}, 2, "--nope"},
		"StrayArgument":  {"the command line is wrong", []string{"chat", "now"}, 2, "now"},
		"BadLevel":       {"the command line is wrong", []string{"chat", "--log-level", "loud"}, 2, "loud"},
		"MissingFlag":    {"the command line is wrong", []string{"token", "--user", "alice"}, 2, "required"},
		"NoConfig":       {"the machine is wrong", []string{"chat", "--config", absent}, 1, "read configuration"},
		"NoKey":          {"the machine is wrong", []string{"token", "--key", absent, "--issuer", "i", "--user", "u"}, 1, "absent"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			code := execute(context.Background(), tc.args, strings.NewReader(""), &out, &out)
			if code != tc.code {
				t.Errorf("%s: exit code = %d, want %d", tc.reason, code, tc.code)
			}
			if !strings.Contains(out.String(), tc.says) {
				t.Errorf("%s: output %q lacks %q", tc.reason, out.String(), tc.says)
			}
		})
	}
}

func TestTokenMintsOneLine(t *testing.T) {
	key := filepath.Join(t.TempDir(), "issuer.key")
	if _, err := issuer.LoadOrCreateKey(key); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	if code := execute(t.Context(), []string{"token", "--key", key, "--issuer", "http://issuer.test", "--user", "alice"}, nil, &out, &errOut); code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	if got := strings.Count(strings.TrimSpace(out.String()), "."); got != 2 || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("output is not one token on one line: %d dots, %d lines", got, strings.Count(out.String(), "\n"))
	}
}

// A rollback by image alone: the older image finds fields that it does not know, tells so once and starts.
func TestOlderImageTakesANewerConfiguration(t *testing.T) {
	text := `
cluster: chat/demo
aws: {region: eu-central-1}
auth: {issuers: [{tenant: acme, issuer: https://id.example, audience: chat, jwksURL: https://id.example/keys}]}
dynamoDB: {tablePrefix: t., hotRetention: 720h}
kafka: {brokers: ["127.0.0.1:1"], topicPrefix: t.}
postgres: {host: 127.0.0.1, port: 1, database: chat, user: chat, passwordFile: nowhere, sslMode: disable}
redis: {addresses: ["127.0.0.1:1"], keyPrefix: "t:"}
push: {delay: 1s}
gateway: {drainPeriod: 1s, maxConnections: 1}
chat: {service: "chat:7400"}
inventedLater: {mode: Enforce}
`
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cfg, err := loadConfig(path, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || cfg.Cluster != "chat/demo" {
		t.Fatalf("it was refused: %v", err)
	}
	if strings.Count(log.String(), "inventedLater") != 1 || strings.Contains(log.String(), "Enforce") {
		t.Errorf("the log says %q", log.String())
	}
}
