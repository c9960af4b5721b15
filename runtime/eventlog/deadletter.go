package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Headers of a dead letter.
const (
	HeaderReason    = "chatcluster-reason"
	HeaderTopic     = "chatcluster-topic"
	HeaderPartition = "chatcluster-partition"
	HeaderOffset    = "chatcluster-offset"
	// HeaderDropped is set where the value was too large to go along: it is still at its origin.
	HeaderDropped = "chatcluster-value-dropped"
)

// deadLetterMaxBytes leaves room for the headers beside a record of Kafka's default maximum; the broker has the last word.
const deadLetterMaxBytes = 1 << 20

// deadLetter publishes a record that cannot be processed, as it is, to the group's dead-letter topic.
func (c *Consumer) deadLetter(ctx context.Context, r *kgo.Record, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, DefaultRecordTimeout)
	defer cancel()
	dead := &kgo.Record{
		Topic: FullName(c.prefix, DeadLetterTopic(c.o.Group)),
		Key:   r.Key,
		Value: r.Value,
		Headers: append([]kgo.RecordHeader{
			{Key: HeaderReason, Value: []byte(reason)},
			{Key: HeaderTopic, Value: []byte(r.Topic)},
			{Key: HeaderPartition, Value: []byte(partitionLabel(r.Partition))},
			{Key: HeaderOffset, Value: []byte(strconv.FormatInt(r.Offset, 10))},
		}, r.Headers...),
		Timestamp: time.Now(),
	}
	err := c.client.ProduceSync(ctx, dead).FirstErr()
	if errors.Is(err, kerr.MessageTooLarge) {
		dead.Value = nil
		dead.Headers = append(dead.Headers, kgo.RecordHeader{Key: HeaderDropped, Value: []byte("true")})
		err = c.client.ProduceSync(ctx, dead).FirstErr()
	}
	if err != nil {
		return fmt.Errorf("kafka: publish to %s: %w", dead.Topic, err)
	}
	return nil
}

func partitionLabel(id int32) string { return strconv.FormatInt(int64(id), 10) }
