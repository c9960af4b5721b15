//go:build engines

package recall_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/cache/redistest"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
)

// TestRedis is the suite against the Redis at CHATCLUSTER_TEST_REDIS.
func TestRedis(t *testing.T) {
	const addr, password = "CHATCLUSTER_TEST_REDIS", "CHATCLUSTER_TEST_REDIS_PASSWORD"
	if os.Getenv(addr) == "" {
		t.Fatalf("%s is not set: this test needs a Redis", addr)
	}
	cfg := config.Redis{Addresses: []string{os.Getenv(addr)}}
	if secret := os.Getenv(password); secret != "" {
		cfg.PasswordFile = filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(cfg.PasswordFile, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	suite(t, func(t *testing.T) engine { return onRedis(t, cfg) })
}

// TestRedisCluster is the suite against several nodes that share the slots.
func TestRedisCluster(t *testing.T) {
	cfg := config.Redis{Addresses: redistest.Cluster(t), ClusterMode: true}
	suite(t, func(t *testing.T) engine { return onRedis(t, cfg) })
}

func onRedis(t *testing.T, cfg config.Redis) engine {
	prefix := "test-" + rand.Text() + ":"
	client, err := cache.Client(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := recall.New(client, recall.Options{KeyPrefix: prefix, Detector: "d", Window: time.Minute})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		it := client.Scan(ctx, 0, prefix+"*", 1000).Iterator() // of one node, where there are several: those end with the test
		for it.Next(ctx) {
			if err := client.Del(ctx, it.Val()).Err(); err != nil {
				t.Error(err)
			}
		}
		_ = r.Close()
	})
	return engine{r, client, prefix}
}
