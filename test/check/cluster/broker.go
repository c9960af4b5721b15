package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

const (
	partitions = 4
	// kafkaWithin is how long a broker that was killed may take to be back, readersWithin how long those who read it may take to
	// have caught up.
	kafkaWithin   = 2 * time.Minute
	readersWithin = time.Minute
	brokerPoll    = 200 * time.Millisecond
)

// admin asks the broker itself, past the faults. Whoever gets it closes it.
func (c *Cluster) admin() (*kadm.Client, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.direct.Kafka.Brokers...))
	if err != nil {
		return nil, err
	}
	return kadm.NewClient(client), nil
}

func (c *Cluster) topic(name string) string {
	return eventlog.FullName(c.direct.Kafka.TopicPrefix, name)
}

func (c *Cluster) topics(ctx context.Context) error {
	admin, err := c.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	for _, t := range eventlog.Topics() {
		n := t.Partitions
		if n == 0 {
			n = partitions
		}
		if _, err := admin.CreateTopic(ctx, n, 1, nil, c.topic(t.Name)); err != nil {
			return fmt.Errorf("create topic %s: %w", t.Name, err)
		}
	}
	return nil
}

// awaitKafka waits until the broker answers, leads the log topic again, and has at least so many records in it. It returns how many.
func (c *Cluster) awaitKafka(ctx context.Context, least int64) (records int64, err error) {
	err = c.awaitBroker(ctx, kafkaWithin, func(ctx context.Context, admin *kadm.Client) error {
		ends, err := admin.ListEndOffsets(ctx, c.topic(eventlog.LogTopic))
		if err := errors.Join(err, ends.Error()); err != nil {
			return err
		}
		records = 0
		ends.Each(func(o kadm.ListedOffset) { records += o.Offset })
		if records < least {
			return fmt.Errorf("it has %d records of %d", records, least)
		}
		return nil
	})
	return records, err
}

// published says something and waits until Kafka has it.
func (c *Cluster) published(ctx context.Context, say func() int) error {
	records, err := c.awaitKafka(ctx, 0)
	if err == nil {
		_, err = c.awaitKafka(ctx, records+int64(say()))
	}
	return err
}

// awaitReaders waits until the projector and the notifier have done all that Kafka has.
func (c *Cluster) awaitReaders(ctx context.Context) error {
	groups := []string{c.topic(eventlog.ProjectGroup), c.topic(eventlog.NotifyGroup)}
	return c.awaitBroker(ctx, readersWithin, func(ctx context.Context, admin *kadm.Client) error {
		lags, err := admin.Lag(ctx, groups...)
		if err := errors.Join(err, lags.Error()); err != nil {
			return err
		}
		for _, g := range groups {
			if l := lags[g]; l.Lag.Total() > 0 || len(l.Members) == 0 {
				return fmt.Errorf("%s, of %d members, is %d records behind", g, len(l.Members), l.Lag.Total())
			}
		}
		return nil
	})
}

// awaitBroker asks until there is nothing wrong any more.
func (c *Cluster) awaitBroker(ctx context.Context, within time.Duration, ask func(context.Context, *kadm.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	admin, err := c.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	for {
		if err = ask(ctx, admin); err == nil {
			return nil
		}
		if pause(ctx, brokerPoll) != nil {
			return fmt.Errorf("kafka: %w", err)
		}
	}
}
