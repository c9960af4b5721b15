package chatcluster

import (
	"context"
	"maps"
	"sync"

	"github.com/chatcluster/chatcluster/controllers/external/kafka"
)

type pinger struct{ w *world }

func (p pinger) Ping(context.Context) error { return p.w.ping() }

// memoryKafka is an Admin in memory. The zero value is empty and ready to use.
type memoryKafka struct {
	mu     sync.Mutex
	topics map[string]kafka.Topic
	writes []string
	err    error
}

func (k *memoryKafka) names() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var names []string
	for n := range k.topics {
		names = append(names, n)
	}
	return names
}

func (k *memoryKafka) Topics(_ context.Context, names ...string) (map[string]kafka.Topic, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := map[string]kafka.Topic{}
	for _, n := range names {
		if t, ok := k.topics[n]; ok {
			found[n] = kafka.Topic{Partitions: t.Partitions, Configs: maps.Clone(t.Configs)}
		}
	}
	return found, k.err
}

func (k *memoryKafka) Create(_ context.Context, name string, partitions int32, _ int16, configs map[string]string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.topics == nil {
		k.topics = map[string]kafka.Topic{}
	}
	k.writes = append(k.writes, "create "+name)
	k.topics[name] = kafka.Topic{Partitions: partitions, Configs: maps.Clone(configs)}
	return nil
}

func (k *memoryKafka) Grow(_ context.Context, name string, partitions int32) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes = append(k.writes, "grow "+name)
	t := k.topics[name]
	t.Partitions = partitions
	k.topics[name] = t
	return nil
}

func (k *memoryKafka) Configure(_ context.Context, name string, configs map[string]string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes = append(k.writes, "configure "+name)
	maps.Copy(k.topics[name].Configs, configs)
	return nil
}

func (k *memoryKafka) Delete(_ context.Context, names ...string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, n := range names {
		k.writes = append(k.writes, "delete "+n)
		delete(k.topics, n)
	}
	return nil
}
