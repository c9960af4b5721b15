package readmodel

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dial/dialtest"
)

// What is rotated is used at the next connection, without a restart.
func TestLoginIsReadAtEachConnect(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tokens := 0
	cases := map[string]struct {
		reason string
		cfg    config.Postgres
		rotate func()
		want   [2]string
	}{
		"Password": {
			reason: "the mounted file is replaced", cfg: config.Postgres{PasswordFile: write("password", "old\n")},
			rotate: func() { write("password", "new\n") }, want: [2]string{"old", "new"},
		},
		"IAM": {
			reason: "a token lasts 15 minutes", rotate: func() {}, want: [2]string{"token 1 for db", "token 2 for db"},
			cfg: config.Postgres{IAM: true, Token: func(_ context.Context, host string) (string, error) {
				tokens++
				return "token " + string(rune('0'+tokens)) + " for " + host, nil
			}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.cfg.Port, tc.cfg.Database, tc.cfg.User = 5432, "chat", "chatd"
			cc, err := connConfig(tc.cfg, "db", "test", nil)
			if err != nil {
				t.Fatal(err)
			}
			before := login(tc.cfg, "db")
			for i, want := range tc.want {
				if err := before(t.Context(), cc); err != nil {
					t.Fatal(err)
				}
				if cc.Password != want {
					t.Errorf("%s: connection %d logs in with %q, want %q", tc.reason, i+1, cc.Password, want)
				}
				tc.rotate()
			}
		})
	}
	if err := login(config.Postgres{IAM: true}, "db")(t.Context(), nil); err == nil {
		t.Error("IAM without credentials logs in with nothing")
	}
}

// verify-full with a bundle of one's own checks against that bundle and the host's name, and nothing else.
func TestAuthoritiesOfTheDatabase(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, []byte(dialtest.New(t).PEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Postgres{Port: 5432, Database: "chat", User: "chatd", SSLMode: "verify-full", CAFile: ca}
	cc, err := connConfig(cfg, "db.example", "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := login(cfg, "db.example")(t.Context(), cc); err != nil {
		t.Fatal(err)
	}
	if c := cc.TLSConfig; c.InsecureSkipVerify || c.ServerName != "db.example" || c.RootCAs == nil {
		t.Errorf("TLS: skip %t, server %q, own authorities %t", c.InsecureSkipVerify, c.ServerName, c.RootCAs != nil)
	}
	if err := os.WriteFile(ca, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := login(cfg, "db.example")(t.Context(), cc); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Errorf("a bundle that is none: %v", err)
	}
}

// A file in the folder of contractions that is no migration must not count.
func TestContractionsAreRead(t *testing.T) {
	if got := sqlFiles(contracting()); len(got) > 0 && targetOf(contracting()) == 0 {
		t.Errorf("%v have no versions", got)
	}
	if targetOf(migrations()) != Target() || Target() < MinSchema {
		t.Errorf("target %d, at least %d", Target(), MinSchema)
	}
}
