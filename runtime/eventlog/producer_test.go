package eventlog

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// silentBroker accepts connections and never answers.
func silentBroker(t *testing.T) config.Kafka {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return config.Kafka{Brokers: []string{l.Addr().String()}, TopicPrefix: prefix}
}

func TestProducerSaysAtOnceWhenFull(t *testing.T) {
	p, err := NewProducer(silentBroker(t), ProducerOptions{BufferRecords: 1, RecordTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	first, second := make(chan error, 1), make(chan error, 1)
	p.PublishBatch(conv(t, "c"), store.Group, batch(1), func(err error) { first <- err })
	p.PublishBatch(conv(t, "c"), store.Group, batch(2), func(err error) { second <- err })
	select {
	case err := <-second:
		if !errors.Is(err, ErrBufferFull) {
			t.Errorf("second record: got %v, want ErrBufferFull", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the second record is not answered while the first waits")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := p.Close(ctx); err == nil {
		t.Error("Close: got nil, want an error: a record could not be flushed")
	}
	if err := <-first; err == nil {
		t.Error("first record: got nil, want an error: Kafka never accepted it")
	}
	late := make(chan error, 1)
	p.PublishBatch(conv(t, "c"), store.Group, batch(3), func(err error) { late <- err })
	if err := <-late; !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: got %v, want ErrClosed", err)
	}
}

func TestProducerGivesUpInTime(t *testing.T) {
	p, err := NewProducer(silentBroker(t), ProducerOptions{RecordTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	p.PublishBatch(conv(t, "c"), store.Group, batch(1), func(err error) { done <- err })
	select {
	case err := <-done:
		if err == nil {
			t.Error("got nil, want an error: Kafka never accepted it")
		}
	case <-time.After(30 * time.Second):
		t.Error("a record waits for a silent broker for ever")
	}
	_ = p.Close(t.Context())
}

func TestPublishedIsConsumed(t *testing.T) {
	_, cfg := fakeKafka(t, 4)
	publish(t, cfg, conv(t, "c"), 1, 3)
	p, err := NewProducer(cfg, ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ann, err := store.NewUser("acme", "ann")
	if err != nil {
		t.Fatal(err)
	}
	p.PublishMark(ann, conv(t, "c"), 2, nil)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	got := make(chan Record, 16)
	start(t, cfg, ConsumerOptions{Topics: []string{LogTopic, MarksTopic}, Handler: func(_ context.Context, rs []Record) error {
		for _, r := range rs {
			got <- r
		}
		return nil
	}})
	var batches []uint64
	var marks []MarkRecord
	for range 4 {
		select {
		case r := <-got:
			if r.Mark != nil {
				marks = append(marks, *r.Mark)
				continue
			}
			if r.Topic != LogTopic || r.Batch.Conv != conv(t, "c") || r.Batch.Kind != store.Group {
				t.Errorf("record of topic %q, conversation %v, kind %q", r.Topic, r.Batch.Conv, r.Batch.Kind)
			}
			batches = append(batches, store.First(r.Batch.Batch))
		case <-time.After(30 * time.Second):
			t.Fatal("not consumed within 30 s")
		}
	}
	if diff := cmp.Diff([]uint64{1, 2, 3}, batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	if len(marks) != 1 || marks[0] != (MarkRecord{User: ann, Conv: conv(t, "c"), Read: 2}) {
		t.Errorf("marks: got %v", marks)
	}
}
