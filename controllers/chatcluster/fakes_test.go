package chatcluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
)

type pinger struct{ w *world }

func (p pinger) Observe(context.Context) (redis.Info, error) {
	return redis.Info{Version: "7.1.0"}, p.w.ping()
}

// memoryKafka is an Admin in memory. The zero value is empty and ready to use.
type memoryKafka struct {
	mu     sync.Mutex
	topics map[string]kafka.Topic
	rights map[string]int
	writes []string
	err    error
	// before and after run around each call, as those of the other fakes.
	before, after func(operation string) error
	access        kafka.Access
}

func (k *memoryKafka) call(operation string, write string, do func()) error {
	if k.before != nil {
		if err := k.before(operation); err != nil {
			return err
		}
	}
	k.mu.Lock()
	if k.topics == nil {
		k.topics, k.rights = map[string]kafka.Topic{}, map[string]int{}
	}
	if write != "" {
		k.writes = append(k.writes, write)
	}
	do()
	k.mu.Unlock()
	if k.after != nil {
		if err := k.after(operation); err != nil {
			return err
		}
	}
	return nil
}

func (k *memoryKafka) names() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.topics))
}

func (k *memoryKafka) Topics(_ context.Context, names ...string) (map[string]kafka.Topic, error) {
	found := map[string]kafka.Topic{}
	err := k.call("Topics", "", func() {
		for _, n := range names {
			if t, ok := k.topics[n]; ok {
				found[n] = kafka.Topic{Partitions: t.Partitions, Configs: maps.Clone(t.Configs)}
			}
		}
	})
	return found, errors.Join(k.err, err)
}

func (k *memoryKafka) Create(_ context.Context, name string, partitions int32, _ int16, configs map[string]string) error {
	return k.call("Create", "create "+name, func() { k.topics[name] = kafka.Topic{Partitions: partitions, Configs: maps.Clone(configs)} })
}

func (k *memoryKafka) Grow(_ context.Context, name string, partitions int32) error {
	return k.call("Grow", "grow "+name, func() { k.topics[name] = kafka.Topic{Partitions: partitions, Configs: k.topics[name].Configs} })
}

func (k *memoryKafka) Configure(_ context.Context, name string, configs map[string]string) error {
	return k.call("Configure", "configure "+name, func() { maps.Copy(k.topics[name].Configs, configs) })
}

func (k *memoryKafka) Delete(_ context.Context, names ...string) error {
	for _, n := range names {
		if err := k.call("Delete", "delete "+n, func() { delete(k.topics, n) }); err != nil {
			return err
		}
	}
	return nil
}

func (k *memoryKafka) Allowed(context.Context, string) (rights map[string]int, err error) {
	err = k.call("Allowed", "", func() { rights = maps.Clone(k.rights) })
	return rights, err
}

func (k *memoryKafka) Allow(_ context.Context, principals []string, _ string) error {
	return k.call("Allow", "allow "+strings.Join(principals, ","), func() {
		for _, p := range principals {
			k.rights[p] = 6
		}
	})
}

func (k *memoryKafka) Disallow(_ context.Context, principals []string, _ string) error {
	return k.call("Disallow", "disallow "+strings.Join(principals, ","), func() {
		for _, p := range principals {
			delete(k.rights, p)
		}
	})
}
