package metrics

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
)

// Kafka returns a get whose Admins' calls are noted.
func (c *Calls) Kafka(get func(kafka.Access) (kafka.Admin, error)) func(kafka.Access) (kafka.Admin, error) {
	return func(a kafka.Access) (kafka.Admin, error) {
		admin, err := get(a)
		return notedKafka{admin, c}, err
	}
}

// Redis returns a get whose Caches' calls are noted.
func (c *Calls) Redis(get func(redis.Access) (redis.Cache, error)) func(redis.Access) (redis.Cache, error) {
	return func(a redis.Access) (redis.Cache, error) {
		cache, err := get(a)
		return notedRedis{cache, c}, err
	}
}

type notedKafka struct {
	kafka.Admin
	calls *Calls
}

func (n notedKafka) Topics(ctx context.Context, names ...string) (topics map[string]kafka.Topic, err error) {
	defer func(start time.Time) { n.calls.Observe("Kafka", "Topics", start, err) }(time.Now())
	return n.Admin.Topics(ctx, names...)
}

func (n notedKafka) Create(ctx context.Context, name string, partitions int32, replication int16, configs map[string]string) (err error) {
	defer func(start time.Time) { n.calls.Observe("Kafka", "Create", start, err) }(time.Now())
	return n.Admin.Create(ctx, name, partitions, replication, configs)
}

func (n notedKafka) Grow(ctx context.Context, name string, partitions int32) (err error) {
	defer func(start time.Time) { n.calls.Observe("Kafka", "Grow", start, err) }(time.Now())
	return n.Admin.Grow(ctx, name, partitions)
}

func (n notedKafka) Configure(ctx context.Context, name string, configs map[string]string) (err error) {
	defer func(start time.Time) { n.calls.Observe("Kafka", "Configure", start, err) }(time.Now())
	return n.Admin.Configure(ctx, name, configs)
}

func (n notedKafka) Delete(ctx context.Context, names ...string) (err error) {
	defer func(start time.Time) { n.calls.Observe("Kafka", "Delete", start, err) }(time.Now())
	return n.Admin.Delete(ctx, names...)
}

func (n notedKafka) Allowed(ctx context.Context, prefix string) (rights map[string]int, err error) {
	defer func(start time.Time) { n.calls.Observe("Kafka", "Allowed", start, err) }(time.Now())
	return n.Admin.Allowed(ctx, prefix)
}

func (n notedKafka) Allow(ctx context.Context, principals []string, prefix string) (err error) {
	defer func(start time.Time) { n.calls.Observe("Kafka", "Allow", start, err) }(time.Now())
	return n.Admin.Allow(ctx, principals, prefix)
}

func (n notedKafka) Disallow(ctx context.Context, principals []string, prefix string) (err error) {
	defer func(start time.Time) { n.calls.Observe("Kafka", "Disallow", start, err) }(time.Now())
	return n.Admin.Disallow(ctx, principals, prefix)
}

type notedRedis struct {
	redis.Cache
	calls *Calls
}

func (n notedRedis) Observe(ctx context.Context) (info redis.Info, err error) {
	defer func(start time.Time) { n.calls.Observe("Redis", "Observe", start, err) }(time.Now())
	return n.Cache.Observe(ctx)
}
