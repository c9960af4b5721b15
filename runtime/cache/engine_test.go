//go:build engines

package cache

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/config"
)

// shortLease is a lease for which a test can wait.
const shortLease = time.Second

// TestRedis is the suite against the Redis at CHATCLUSTER_TEST_REDIS, in cluster mode where CHATCLUSTER_TEST_REDIS_CLUSTER
// is set. Keys get a prefix of their own and are removed.
func TestRedis(t *testing.T) {
	const addr, password = "CHATCLUSTER_TEST_REDIS", "CHATCLUSTER_TEST_REDIS_PASSWORD"
	if os.Getenv(addr) == "" {
		t.Fatalf("%s is not set: this test needs a Redis", addr)
	}
	cfg := config.Redis{Addresses: []string{os.Getenv(addr)}, ClusterMode: os.Getenv("CHATCLUSTER_TEST_REDIS_CLUSTER") != ""}
	if secret := os.Getenv(password); secret != "" {
		cfg.PasswordFile = filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(cfg.PasswordFile, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	suite(t, func(t *testing.T) *engine {
		cfg.KeyPrefix = "test-" + rand.Text() + ":"
		c, err := Connect(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c.lease = shortLease
		if err := c.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		empty := func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			it := c.redis.Scan(ctx, 0, cfg.KeyPrefix+"*", 1000).Iterator()
			for it.Next(ctx) {
				if err := c.redis.Del(ctx, it.Val()).Err(); err != nil {
					t.Error(err)
				}
			}
			if err := it.Err(); err != nil {
				t.Error(err)
			}
		}
		t.Cleanup(func() { _ = c.Close() })
		t.Cleanup(empty)
		lapse := func() {
			within(t, 10*time.Second, "all leases have lapsed", func() bool {
				pods, err := c.redis.Keys(t.Context(), cfg.KeyPrefix+"lease#*").Result()
				gateways, gerr := c.redis.Keys(t.Context(), cfg.KeyPrefix+"g#*").Result()
				return err == nil && gerr == nil && len(pods)+len(gateways) == 0
			})
		}
		return &engine{Cache: c, lapse: lapse, empty: empty}
	})
}
