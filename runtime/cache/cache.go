package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// opTimeout bounds a call: Redis is there to be fast.
	opTimeout = time.Second
	// DefaultLease is how long a pod's lease lasts, and a gateway's.
	DefaultLease = 15 * time.Second
)

// Options say how a cache is used.
type Options struct {
	// KeyPrefix starts every key.
	KeyPrefix string
	// Lease is how long a pod's lease lasts; zero is DefaultLease.
	Lease time.Duration
}

// Cache is the cache.
type Cache struct {
	redis  redis.UniversalClient
	prefix string
	lease  time.Duration
	// shards is how many slots routes are in.
	shards int
}

// New returns the cache in that Redis. Close closes the client.
func New(client redis.UniversalClient, o Options) *Cache {
	if o.Lease <= 0 {
		o.Lease = DefaultLease
	}
	c := &Cache{redis: client, prefix: o.KeyPrefix, lease: o.Lease, shards: 1}
	if _, ok := client.(*redis.ClusterClient); ok {
		c.shards = clusterShards
	}
	return c
}

// Ping returns nil when Redis answers.
func (c *Cache) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	return wrap("ping", c.redis.Ping(ctx).Err())
}

// Close closes the connections.
func (c *Cache) Close() error { return c.redis.Close() }

// pipeline sends what fill queues in as few round trips as there are slots, and returns the first error that is not
// redis.Nil. An empty pipeline sends nothing.
func (c *Cache) pipeline(ctx context.Context, what string, fill func(context.Context, redis.Pipeliner)) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	pipe := c.redis.Pipeline()
	fill(ctx, pipe)
	if pipe.Len() == 0 {
		return ctx.Err()
	}
	cmds, err := pipe.Exec(ctx)
	if err == nil || !errors.Is(err, redis.Nil) {
		return wrap(what, err)
	}
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return wrap(what, err)
		}
	}
	return nil
}

// userTag and convTag are hash tags: what belongs to one user, or to one conversation, is in one slot.
func userTag(u store.User) string {
	return "{" + store.Escape(string(u.Tenant())) + "#" + store.Escape(u.ID()) + "}"
}

func convTag(v store.Conv) string { return "{" + member(v) + "}" }

// member is a conversation as a member of a set.
func member(v store.Conv) string {
	return store.Escape(string(v.Tenant())) + "#" + store.Escape(v.ID())
}

// jittered spreads expiries, so that what was written together is not missed together.
func jittered(d time.Duration) time.Duration { return d + rand.N(d/6) }

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redis: %s: %w", what, err)
}
