package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dial/dialtest"
)

// A token takes the password's place, and is made anew for each connection.
func TestConnectWithIAM(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireUserAuth("chatd", "token")
	cfg := config.Redis{Addresses: []string{m.Addr()}, KeyPrefix: "p:", User: "chatd", IAM: true}
	if _, err := Connect(cfg); err == nil {
		t.Error("IAM without credentials was accepted")
	}
	fail := errors.New("no role")
	var made int
	cfg.Token = func(context.Context) (string, error) {
		made++
		return "token", fail
	}
	c, err := Connect(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ping(t.Context()); err == nil {
		t.Error("a connection was made without a token")
	}
	fail = nil
	if err := c.Ping(t.Context()); err != nil || made < 2 {
		t.Errorf("after %d tokens: %v", made, err)
	}
}

func TestConnectWithAnAuthority(t *testing.T) {
	authority := dialtest.New(t)
	m := miniredis.NewMiniRedis()
	if err := m.StartTLS(authority.Server(false)); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	path := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(path, []byte(authority.PEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		reason, ca string
		fails      bool
	}{{"the authority is named", path, false}, {"nobody vouches for it", "", true}} {
		c, err := Connect(config.Redis{Addresses: []string{m.Addr()}, TLS: true, CAFile: tc.ca, KeyPrefix: "p:"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Ping(t.Context()); (err != nil) != tc.fails {
			t.Errorf("%s: %v", tc.reason, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
