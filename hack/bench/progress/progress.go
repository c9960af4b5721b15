package progress

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

// askWithin bounds a question to Kafka.
const askWithin = 10 * time.Second

// Progress is how many records a topic has, and how many of them each group has read and committed.
type Progress struct {
	Records int64
	Read    map[string]int64
}

// Watch asks Kafka about groups that read a topic.
type Watch struct {
	client *kgo.Client
	prefix string
	topic  string
	groups []string
}

// New returns a watch of groups, whose names and the topic's come after the configuration's prefix. Close it.
func New(cfg config.Kafka, topic string, groups ...string) (*Watch, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		return nil, fmt.Errorf("reach Kafka: %w", err)
	}
	return &Watch{client: client, prefix: cfg.TopicPrefix, topic: eventlog.FullName(cfg.TopicPrefix, topic), groups: groups}, nil
}

// Close leaves Kafka.
func (w *Watch) Close() { w.client.Close() }

// Now is how far the groups are. What they have read is asked for first: nobody seems to be ahead.
func (w *Watch) Now(ctx context.Context) (Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	admin, p := kadm.NewClient(w.client), Progress{Read: map[string]int64{}}
	for _, g := range w.groups {
		p.Read[g] = 0
		read, err := admin.FetchOffsets(ctx, eventlog.FullName(w.prefix, g))
		if err == nil {
			err = read.Error()
		}
		if errors.Is(err, kerr.GroupIDNotFound) {
			continue // nobody has joined it yet
		}
		if err != nil {
			return p, fmt.Errorf("ask how far %s is: %w", g, err)
		}
		read.Each(func(o kadm.OffsetResponse) {
			if o.Topic == w.topic {
				p.Read[g] += max(o.At, 0)
			}
		})
	}
	ends, err := admin.ListEndOffsets(ctx, w.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return p, fmt.Errorf("ask how much is in %s: %w", w.topic, err)
	}
	ends.Each(func(o kadm.ListedOffset) { p.Records += o.Offset })
	return p, nil
}

// Behind are the groups that have not read everything, sorted.
func (p Progress) Behind() (groups []string) {
	for g, n := range p.Read {
		if n < p.Records {
			groups = append(groups, g)
		}
	}
	slices.Sort(groups)
	return groups
}

// Moved says what is wrong where every group should have read something between before and after.
func Moved(before, after Progress) error {
	return compare(before, after, func(group string, by int64) error {
		if by > 0 {
			return nil
		}
		return fmt.Errorf("%s has read nothing of %d new records, and it runs", group, after.Records-before.Records)
	})
}

// Stood says what is wrong where no group should have read anything between before and after.
func Stood(before, after Progress) error {
	return compare(before, after, func(group string, by int64) error {
		if by == 0 {
			return nil
		}
		return fmt.Errorf("%s has read %d records, and it does not run", group, by)
	})
}

func compare(before, after Progress, each func(group string, by int64) error) error {
	var errs []error
	if after.Records <= before.Records {
		errs = append(errs, errors.New("nothing came into the topic"))
	}
	for group := range after.Read {
		errs = append(errs, each(group, after.Read[group]-before.Read[group]))
	}
	return errors.Join(errs...)
}
