package cache

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// ForgetTenant deletes every key about the tenant: marks, lists, summaries, routes, use, and what detectors remember of
// its senders (package recall). It looks at all keys.
func (c *Cache) ForgetTenant(ctx context.Context, t store.Tenant) error {
	if cluster, ok := c.redis.(*redis.ClusterClient); ok {
		return wrap("forget a tenant", cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return c.forgetTenant(ctx, node, t)
		}))
	}
	return wrap("forget a tenant", c.forgetTenant(ctx, c.redis, t))
}

// forgetTenant is ForgetTenant for one node.
func (c *Cache) forgetTenant(ctx context.Context, node redis.Cmdable, t store.Tenant) error {
	match := globEscape.Replace(c.prefix) + "*"
	for cursor := uint64(0); ; {
		keys, next, err := c.scan(ctx, node.Scan, cursor, match)
		if err != nil {
			return err
		}
		pipe := node.Pipeline()
		for _, key := range keys {
			if ofTenant(strings.TrimPrefix(key, c.prefix), t) {
				pipe.Unlink(ctx, key)
			}
		}
		if err := c.send(ctx, pipe); err != nil {
			return err
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

// ofTenant says whether a key without its prefix is about the tenant: the hash tag begins with it, or is it where a tenant has one key, or,
// where routes are, what follows the tag does.
func ofTenant(key string, t store.Tenant) bool {
	id := store.Escape(string(t))
	kind, rest, _ := strings.Cut(key, "{")
	tag, rest, _ := strings.Cut(rest, "}")
	if kind == "u#" {
		return strings.HasPrefix(rest, "#"+id+"#")
	}
	return tag == id && (strings.HasPrefix(kind, "use#") || strings.HasPrefix(kind, "mod#")) || strings.HasPrefix(tag, id+"#")
}
