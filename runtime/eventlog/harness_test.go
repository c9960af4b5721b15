package eventlog

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const prefix = "test."

// fakeKafka starts a cluster with our topics, each with that many partitions.
func fakeKafka(t *testing.T, partitions int32) (*kfake.Cluster, config.Kafka) {
	t.Helper()
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	for _, topic := range Topics() {
		n := topic.Partitions
		if n == 0 {
			n = partitions
		}
		opts = append(opts, kfake.SeedTopics(n, FullName(prefix, topic.Name)))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, config.Kafka{Brokers: cluster.ListenAddrs(), TopicPrefix: prefix}
}

func conv(t *testing.T, id string) store.Conv {
	t.Helper()
	c, err := store.NewConv("acme", id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// batch holds the single entry with this seq.
func batch(seq uint64) *logpb.Batch {
	return &logpb.Batch{Id: fmt.Appendf(nil, "batch-%d", seq), Entries: []*logpb.Entry{{
		Seq: seq, Sender: "ann", Count: seq, Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: fmt.Sprint("message ", seq)}},
	}}}
}

// publish publishes batches first to last of the conversation and waits until Kafka has them.
func publish(t *testing.T, cfg config.Kafka, c store.Conv, first, last uint64) {
	t.Helper()
	p, err := NewProducer(cfg, ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, last-first+1)
	for seq := first; seq <= last; seq++ {
		p.PublishBatch(c, store.Group, batch(seq), func(err error) { errs <- err })
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// produceRaw puts a value into the log topic as it is.
func produceRaw(t *testing.T, cfg config.Kafka, key, value []byte) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: FullName(cfg.TopicPrefix, LogTopic), Key: key, Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// seen collects what handlers got, by conversation.
type seen struct {
	mu      sync.Mutex
	changed chan struct{}
	seqs    map[string][]uint64
}

func newSeen() *seen { return &seen{changed: make(chan struct{}), seqs: map[string][]uint64{}} }

func (s *seen) add(records ...Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		id := r.Batch.Conv.ID()
		s.seqs[id] = append(s.seqs[id], store.First(r.Batch.Batch))
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *seen) of(c store.Conv) []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]uint64(nil), s.seqs[c.ID()]...)
}

// wait returns when cond holds; cond is called with the lock held.
func (s *seen) wait(t *testing.T, what string, cond func(map[string][]uint64) bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		ok, changed := cond(s.seqs), s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("%s: not within 30 s; seen %v", what, s.seqs)
		}
	}
}

// start runs a consumer until stop is called or the test ends.
func start(t *testing.T, cfg config.Kafka, o ConsumerOptions) (stop func()) {
	t.Helper()
	if o.Group == "" {
		o.Group = ProjectGroup
	}
	if o.Topics == nil {
		o.Topics = []string{LogTopic}
	}
	c, err := NewConsumer(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("Run: %v", err)
				}
			case <-time.After(30 * time.Second):
				t.Error("Run did not return")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func upTo(n uint64) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i) + 1
	}
	return out
}
