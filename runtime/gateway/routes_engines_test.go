//go:build engines

package gateway_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
)

// TestEveryDeviceGetsEverythingWithARealRedis is the test of lost deliveries with the Redis at CHATCLUSTER_TEST_REDIS: it is
// emptied, hangs, and ends its connections.
func TestEveryDeviceGetsEverythingWithARealRedis(t *testing.T) {
	const addr, password = "CHATCLUSTER_TEST_REDIS", "CHATCLUSTER_TEST_REDIS_PASSWORD"
	if os.Getenv(addr) == "" {
		t.Fatalf("%s is not set: this test needs a Redis", addr)
	}
	cfg := config.Redis{Addresses: []string{os.Getenv(addr)}, KeyPrefix: "test-" + rand.Text() + ":"}
	if secret := os.Getenv(password); secret != "" {
		cfg.PasswordFile = filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(cfg.PasswordFile, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := cache.Connect(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	admin := redis.NewClient(&redis.Options{Addr: os.Getenv(addr), Password: os.Getenv(password)})
	t.Cleanup(func() { _ = admin.Close() })
	empty := func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		keys, err := admin.Keys(ctx, cfg.KeyPrefix+"*").Result()
		if err == nil && len(keys) > 0 {
			err = admin.Del(ctx, keys...).Err()
		}
		if err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(empty)

	w := gatewaytest.New(t)
	w.Redis = &gatewaytest.Redis{Cache: c}
	everyDeviceGetsEverything(t, w,
		empty,
		func() { admin.ClientPause(t.Context(), 700*time.Millisecond) },
		func() { admin.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal") },
	)
}
