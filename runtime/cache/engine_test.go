//go:build engines

package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/cache/redistest"
	"github.com/chatcluster/chatcluster/runtime/config"
)

// shortLease is a lease for which a test can wait.
const shortLease = time.Second

// TestRedis is the suite against the Redis at CHATCLUSTER_TEST_REDIS. Keys get a prefix of their own and are removed.
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
	suite(t, func(t *testing.T) *engine { return onRedis(t, cfg) })
}

// TestRedisCluster is the suite against several nodes that share the slots.
func TestRedisCluster(t *testing.T) {
	cfg := config.Redis{Addresses: redistest.Cluster(t), ClusterMode: true}
	suite(t, func(t *testing.T) *engine { return onRedis(t, cfg) })
}

func onRedis(t *testing.T, cfg config.Redis) *engine {
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
		keys, err := c.keysLike(ctx, cfg.KeyPrefix+"*")
		for _, key := range keys {
			err = errors.Join(err, c.redis.Del(ctx, key).Err())
		}
		if err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { _ = c.Close() })
	t.Cleanup(empty)
	lapse := func() {
		within(t, 10*time.Second, "all leases have lapsed", func() bool {
			pods, err := c.keysLike(t.Context(), cfg.KeyPrefix+"lease#*")
			gateways, gerr := c.keysLike(t.Context(), cfg.KeyPrefix+"g#*")
			return err == nil && gerr == nil && len(pods)+len(gateways) == 0
		})
	}
	return &engine{Cache: c, lapse: lapse, empty: empty}
}

// keysLike are the keys on every node.
func (c *Cache) keysLike(ctx context.Context, pattern string) (all []string, err error) {
	cluster, ok := c.redis.(*redis.ClusterClient)
	if !ok {
		return c.redis.Keys(ctx, pattern).Result()
	}
	var mu sync.Mutex
	err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		keys, err := node.Keys(ctx, pattern).Result()
		mu.Lock()
		defer mu.Unlock()
		all = append(all, keys...)
		return err
	})
	return all, err
}
