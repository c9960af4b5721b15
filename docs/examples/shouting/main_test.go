package main

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// What ChatCluster publishes is understood, and what the example says ChatCluster understands.
func TestTheExampleIsUnderstood(t *testing.T) {
	const prefix = "t."
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	for _, topic := range eventlog.Topics() {
		opts = append(opts, kfake.SeedTopics(1, eventlog.FullName(prefix, topic.Name)))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cfg := config.Kafka{Brokers: cluster.ListenAddrs(), TopicPrefix: prefix}
	conv, err := store.NewConv("acme", "c")
	if err != nil {
		t.Fatal(err)
	}
	producer, err := eventlog.NewProducer(cfg, eventlog.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	said := func(seq uint64, body string) *logpb.Entry {
		return &logpb.Entry{Seq: seq, Sender: "ann", Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: body}}}
	}
	producer.PublishBatch(conv, store.Group, &logpb.Batch{Id: []byte("0123456789abcdef"), Entries: []*logpb.Entry{
		said(1, "good morning"), said(2, "LISTEN TO ME"), said(3, "OK"),
		{Seq: 4, Sender: "ann", Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 1, Body: "GOOD MORNING"}}},
	}}, func(err error) {
		if err != nil {
			t.Errorf("publish: %v", err)
		}
	})
	if err := producer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- run(ctx, cfg.Brokers, prefix) }()
	heard := make(chan *eventlog.VerdictRecord, 4)
	consumer, err := eventlog.NewConsumer(cfg, eventlog.ConsumerOptions{
		Group: eventlog.VerdictsGroup, Topics: []string{eventlog.VerdictsTopic},
		Handler: func(_ context.Context, records []eventlog.Record) error {
			for _, r := range records {
				heard <- r.Verdict
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- consumer.Run(ctx) }()
	for _, want := range []*logpb.Verdict{
		{Target: 2, Action: "flag", Processor: name, Reason: "capitals"},
		{Target: 1, BodyAt: 4, Action: "flag", Processor: name, Reason: "capitals"},
	} {
		select {
		case got := <-heard:
			if diff := cmp.Diff(want, got.Verdict, protocmp.Transform()); diff != "" || got.Conv != conv {
				t.Errorf("of %s (-want +got):\n%s", got.Conv, diff)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("no verdict within 30 s")
		}
	}
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	}
}
