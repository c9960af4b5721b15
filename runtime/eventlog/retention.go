package eventlog

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
)

const (
	// retentionKey is the configuration that says how long a topic keeps its records, in milliseconds; below zero is for ever.
	retentionKey = "retention.ms"
	// forever is what a topic without a retention has.
	forever = time.Duration(1<<63 - 1)
)

// LongestRetention returns the longest retention of the cluster's topics, the largest duration where one of them has none, and 0 where
// the brokers do not say. A segment that is written to is kept for longer.
func LongestRetention(ctx context.Context, cfg config.Kafka, clientID string) (time.Duration, error) {
	opts, err := clientOptions(cfg, clientID)
	if err != nil {
		return 0, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return 0, fmt.Errorf("kafka: %w", err)
	}
	admin := kadm.NewClient(client)
	defer admin.Close()
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	var names []string
	for _, t := range Topics() {
		names = append(names, FullName(cfg.TopicPrefix, t.Name))
	}
	described, err := admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return 0, fmt.Errorf("kafka: describe the topics: %w", err)
	}
	var longest time.Duration
	for _, topic := range described {
		if topic.Err != nil {
			return 0, fmt.Errorf("kafka: describe topic %s: %w", topic.Name, topic.Err)
		}
		keep, known := retentionOf(topic.Configs)
		if !known {
			return 0, nil
		}
		longest = max(longest, keep)
	}
	return longest, nil
}

func retentionOf(configs []kadm.Config) (keep time.Duration, known bool) {
	for _, c := range configs {
		if c.Key != retentionKey || c.Value == nil {
			continue
		}
		ms, err := strconv.ParseInt(*c.Value, 10, 64)
		switch {
		case err != nil:
			return 0, false
		case ms < 0 || ms > int64(forever/time.Millisecond):
			return forever, true
		}
		return time.Duration(ms) * time.Millisecond, true
	}
	return 0, false
}
