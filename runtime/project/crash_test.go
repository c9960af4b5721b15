package project

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// A process that ends after the model has committed and before the cache knows is given the record again: nobody else would tell
// the cache.
func TestAProcessThatEndsBeforeTheCacheKnowsIsGivenTheRecordAgain(t *testing.T) {
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	for _, topic := range eventlog.Topics() {
		opts = append(opts, kfake.SeedTopics(1, topic.Name))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	kafka := config.Kafka{Brokers: cluster.ListenAddrs()}
	producer, err := eventlog.NewProducer(kafka, eventlog.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close(context.Background()) })
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	producer.PublishBatch(l.Conv, l.Kind, l.Batch(readmodeltest.Add("ann", "ann")), func(err error) {
		if err != nil {
			t.Errorf("publish: %v", err)
		}
	})

	c := newFakeCache()
	applied := make(chan struct{}, 100)
	model := fakeModel{apply: func(rs []readmodel.Record) (readmodel.Applied, error) {
		if len(rs) > 0 {
			applied <- struct{}{}
		}
		return readmodel.Applied{Users: []store.User{l.User("ann")}}, nil
	}}
	process := func(what string) (stop func()) {
		p := projector(t, model, c, nil)
		consumer, err := eventlog.NewConsumer(kafka, p.Consumer())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for _, run := range []func(context.Context) error{consumer.Run, p.Run} {
			wg.Go(func() {
				if err := run(ctx); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		select {
		case <-applied:
		case <-time.After(20 * time.Second):
			t.Errorf("%s was given no record", what)
		}
		return func() { cancel(); wg.Wait() }
	}
	c.setDown(true)
	process("the first process")()
	c.setDown(false)
	process("the second process")()
}
