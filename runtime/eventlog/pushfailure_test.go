package eventlog

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestPushFailuresGoToTheDeadLetterTopic(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	p, err := NewProducer(cfg, ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	u, err := store.NewUser("acme", "bob")
	if err != nil {
		t.Fatal(err)
	}
	f := PushFailure{User: u, Device: "phone", Conv: conv(t, "c"), Seq: 7, Channel: "GCM", Outcome: "failed", Reason: "other", Attempts: 12, At: time.UnixMilli(5)}
	if err := p.PublishPushFailure(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.ConsumeTopics(FullName(cfg.TopicPrefix, DeadLetterTopic(NotifyGroup))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	records := cl.PollRecords(ctx, 1).Records()
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	var got eventpb.PushFailure
	if err := proto.Unmarshal(records[0].Value, &got); err != nil {
		t.Fatal(err)
	}
	want := &eventpb.PushFailure{
		Tenant: "acme", User: "bob", Device: "phone", Conversation: "c", Seq: 7, Channel: "GCM", Outcome: "failed", Reason: "other", Attempts: 12, AtMs: 5,
	}
	if diff := cmp.Diff(want, &got, protocmp.Transform()); diff != "" {
		t.Errorf("the dead letter (-want +got):\n%s", diff)
	}
	if h := records[0].Headers; len(h) != 1 || h[0].Key != HeaderReason || string(h[0].Value) != "push failed: other" {
		t.Errorf("headers %v", h)
	}
}
