package check

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// kafkaBatch is a record of the log topic.
type kafkaBatch struct {
	batch     *logpb.Batch
	partition int32
	offset    int64
	at        time.Time
}

func (k kafkaBatch) first() uint64 { return store.First(k.batch) }
func (k kafkaBatch) last() uint64  { return store.Last(k.batch) }

// checkKafka verifies that Kafka has every batch of the store, as it was committed, and nothing else (P1).
func (v *verification) checkKafka(ctx context.Context) ([]Violation, error) {
	if err := v.readKafka(ctx); err != nil {
		return nil, err
	}
	var bad []Violation
	v.late = 0
	for id, l := range v.logs {
		have := map[uint64]kafkaBatch{}
		partition, newest := int32(-1), uint64(0)
		for _, k := range v.kafka[id] {
			if seq := k.first(); seq > uint64(len(l.entries)) || l.batchOf(seq) != seq {
				bad = append(bad, Violation{Promise: "P1", Where: at(l, seq), What: "Kafka has a batch that the store has not", History: v.history(l, seq, nil)})
				continue
			}
			if partition >= 0 && partition != k.partition {
				bad = append(bad, Violation{Promise: "P2", Where: at(l, k.first()), What: "a conversation's records are in several partitions"})
			}
			partition = k.partition
			if _, again := have[k.first()]; !again && k.first() < newest {
				v.late++
			}
			newest = max(newest, k.first())
			have[k.first()] = k
		}
		for _, s := range l.stored {
			first := store.First(s.Batch)
			k, ok := have[first]
			switch {
			case !ok:
				bad = append(bad, Violation{Promise: "P1", Where: at(l, first), What: "Kafka has never got a batch of the store", History: v.history(l, first, nil)})
			case !sameEntries(k.batch, s.Batch):
				bad = append(bad, Violation{Promise: "P1", Where: at(l, first), What: "Kafka's batch is another than the store's", History: v.history(l, first, nil)})
			}
			if s.Outbox {
				bad = append(bad, Violation{Promise: "P1", Where: at(l, first), What: "Kafka is still owed a batch", History: v.history(l, first, nil)})
			}
		}
	}
	if len(bad) > 0 {
		// What is owed is read again with the next look.
		if _, err := v.readLogs(ctx); err != nil {
			return bad, err
		}
	}
	return bad, nil
}

// sameEntries says whether two batches hold the same entries. What was folded into the stored one, or redacted, does not count.
func sameEntries(a, b *logpb.Batch) bool {
	return bytes.Equal(a.GetId(), b.GetId()) && slices.EqualFunc(a.GetEntries(), b.GetEntries(), func(x, y *logpb.Entry) bool {
		return x.GetSeq() == y.GetSeq() && x.GetSender() == y.GetSender() && x.GetClientMsgId() == y.GetClientMsgId() && kindOf(x) == kindOf(y)
	})
}

// readKafka reads the log topic from its beginning to its present end.
func (v *verification) readKafka(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	topic := eventlog.FullName(v.r.s.Kafka.TopicPrefix, eventlog.LogTopic)
	c, err := kgo.NewClient(kgo.SeedBrokers(v.r.s.Kafka.Brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	found := map[string][]kafkaBatch{}
	for len(left) > 0 {
		fetches := c.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%d partitions were not read to their end: %w", len(left), err)
		}
		var broken error
		fetches.EachRecord(func(rec *kgo.Record) {
			var m eventpb.LogRecord
			if err := proto.Unmarshal(rec.Value, &m); err != nil || len(m.GetBatch().GetEntries()) == 0 {
				broken = fmt.Errorf("partition %d, offset %d is no batch", rec.Partition, rec.Offset)
				return
			}
			found[m.GetConversation()] = append(found[m.GetConversation()], kafkaBatch{m.GetBatch(), rec.Partition, rec.Offset, rec.Timestamp})
			if rec.Offset+1 >= left[rec.Partition] {
				delete(left, rec.Partition)
			}
		})
		if broken != nil {
			return broken
		}
	}
	v.kafka = found
	return nil
}
