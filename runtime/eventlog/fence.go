package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
)

const (
	// fenceEvery is how often it is asked how far a group is.
	fenceEvery = time.Second
	// fenceTimeout bounds one question.
	fenceTimeout = 10 * time.Second
)

// AwaitConsumed returns when the group has consumed what is in the topics now. It waits for as long as that takes, or ctx lasts.
func AwaitConsumed(ctx context.Context, cfg config.Kafka, clientID, group string, topics ...string) error {
	opts, err := clientOptions(cfg, clientID)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	admin := kadm.NewClient(client)
	defer admin.Close()
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = FullName(cfg.TopicPrefix, t)
	}
	ends, err := listed(ctx, admin.ListEndOffsets, names)
	if err != nil {
		return fmt.Errorf("kafka: list the ends of the topics: %w", err)
	}
	starts, err := listed(ctx, admin.ListStartOffsets, names)
	if err != nil {
		return fmt.Errorf("kafka: list the starts of the topics: %w", err)
	}
	tick := time.NewTicker(fenceEvery)
	defer tick.Stop()
	for {
		done, err := consumed(ctx, admin, FullName(cfg.TopicPrefix, group), starts, ends)
		if err != nil {
			return fmt.Errorf("kafka: fetch the offsets of group %s: %w", group, err)
		}
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func listed(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topics []string) (kadm.ListedOffsets, error) {
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	found, err := list(ctx, topics...)
	return found, errors.Join(err, found.Error())
}

// consumed says whether the group has committed up to the ends, of what there is.
func consumed(ctx context.Context, admin *kadm.Client, group string, starts, ends kadm.ListedOffsets) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	committed, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return false, err
	}
	done := true
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		if end.Offset <= start.Offset {
			return // nothing is there
		}
		at, ok := committed.Lookup(end.Topic, end.Partition)
		done = done && ok && at.At >= end.Offset
	})
	return done, nil
}
