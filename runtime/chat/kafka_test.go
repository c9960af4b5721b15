package chat

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// TestKafkaGetsEveryAcknowledgedMessage runs the service with the real producer and consumer through an outage of Kafka.
func TestKafkaGetsEveryAcknowledgedMessage(t *testing.T) {
	const prefix = "test."
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4,
		eventlog.FullName(prefix, eventlog.LogTopic), eventlog.FullName(prefix, eventlog.DeadLetterTopic(eventlog.ProjectGroup))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cfg := config.Kafka{Brokers: cluster.ListenAddrs(), TopicPrefix: prefix}
	producer, err := eventlog.NewProducer(cfg, eventlog.ProducerOptions{RecordTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = producer.Close(ctx)
	})
	st := memStore(t)
	p := startPod(t, "chat-0", st, producer, nil, nil)
	g := p.connect()

	var convs []store.Conv
	for i := range 3 {
		convs = append(convs, makeConv(t, st, fmt.Sprint("c", i), "ann", "bob"))
	}
	acked := map[string][]uint64{}
	say := func(n int) {
		t.Helper()
		for i := range n {
			for _, c := range convs {
				r := g.mustSend(msg{conv: c.ID(), user: "ann", id: fmt.Sprint(len(acked[c.ID()]), "-", i)})
				acked[c.ID()] = append(acked[c.ID()], r.GetSeq())
			}
		}
	}
	say(5)
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	say(10)
	if !p.breaker.isOpen() {
		t.Error("the breaker is closed in the outage")
	}
	fault.Remove()
	say(5)
	eventually(t, "the breaker to close", func() bool { return !p.breaker.isOpen() })
	say(5)

	var mu sync.Mutex
	got := map[string][]uint64{}
	consumer, err := eventlog.NewConsumer(cfg, eventlog.ConsumerOptions{
		Group: eventlog.ProjectGroup, Topics: []string{eventlog.LogTopic},
		Handler: func(_ context.Context, rs []eventlog.Record) error {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range rs {
				if r.Batch.Kind != store.Group {
					t.Errorf("kind %q, want %q", r.Batch.Kind, store.Group)
				}
				for _, e := range r.Batch.Batch.GetEntries() {
					got[r.Batch.Conv.ID()] = append(got[r.Batch.Conv.ID()], e.GetSeq())
				}
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- consumer.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	eventually(t, "every acknowledged message to be in Kafka", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for id, seqs := range acked {
			for _, s := range seqs {
				if !slices.Contains(got[id], s) {
					return false
				}
			}
		}
		return true
	})
}
