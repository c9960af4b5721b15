package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
)

// rewindTimeout bounds a rewind.
const rewindTimeout = 30 * time.Second

// Place is where a group is to go on: at the start of what the topics still hold, at a time, or at an offset.
type Place struct {
	// At is the time of the first record, zero for none.
	At time.Time
	// Offset is of every partition; -1 for none.
	Offset int64
}

// ParsePlace reads "start", a time such as 2026-01-31T08:00:00Z, or an offset.
func ParsePlace(s string) (Place, error) {
	if s == "start" {
		return Place{Offset: -1}, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return Place{Offset: n}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return Place{}, fmt.Errorf("%q is neither start, nor an offset, nor a time such as 2026-01-31T08:00:00Z", s)
	}
	return Place{At: at, Offset: -1}, nil
}

// Rewind has a group go on at a place, in every partition of its topics: clamped to what a partition holds. It returns the offsets, by the
// topics' full names. A group that has members cannot be rewound: stop them first.
func Rewind(ctx context.Context, cfg config.Kafka, clientID, group string, to Place, topics ...string) (map[string]map[int32]int64, error) {
	opts, err := clientOptions(cfg, clientID)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	admin := kadm.NewClient(client)
	defer admin.Close()
	ctx, cancel := context.WithTimeout(ctx, rewindTimeout)
	defer cancel()
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = FullName(cfg.TopicPrefix, t)
	}
	name := FullName(cfg.TopicPrefix, group)
	if err := empty(ctx, admin, name); err != nil {
		return nil, err
	}
	offsets, err := to.offsets(ctx, admin, names)
	if err != nil {
		return nil, err
	}
	if err := admin.CommitAllOffsets(ctx, name, offsets); err != nil {
		return nil, fmt.Errorf("kafka: commit offsets of group %s: %w", group, err)
	}
	out := map[string]map[int32]int64{}
	offsets.Each(func(o kadm.Offset) {
		if out[o.Topic] == nil {
			out[o.Topic] = map[int32]int64{}
		}
		out[o.Topic][o.Partition] = o.At
	})
	return out, nil
}

// empty returns an error unless the group has no members.
func empty(ctx context.Context, admin *kadm.Client, group string) error {
	groups, err := admin.DescribeGroups(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("kafka: describe group %s: %w", group, err)
	}
	g, err := groups.On(group, nil)
	if err == nil {
		err = g.Err
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil // it has never read anything
	}
	if err != nil {
		return fmt.Errorf("kafka: describe group %s: %w", group, err)
	}
	if n := len(g.Members); n > 0 {
		return fmt.Errorf("kafka: group %s has %d members: stop them first", group, n)
	}
	return nil
}

func (p Place) offsets(ctx context.Context, admin *kadm.Client, topics []string) (kadm.Offsets, error) {
	starts, err := listed(ctx, admin.ListStartOffsets, topics)
	if err != nil {
		return nil, fmt.Errorf("kafka: list the starts of the topics: %w", err)
	}
	if len(starts) == 0 {
		return nil, errors.New("kafka: the topics have no partitions")
	}
	if p.At.IsZero() && p.Offset < 0 {
		return starts.Offsets(), nil
	}
	ends, err := listed(ctx, admin.ListEndOffsets, topics)
	if err != nil {
		return nil, fmt.Errorf("kafka: list the ends of the topics: %w", err)
	}
	from := ends
	if !p.At.IsZero() {
		if from, err = listed(ctx, func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return admin.ListOffsetsAfterMilli(ctx, p.At.UnixMilli(), topics...)
		}, topics); err != nil {
			return nil, fmt.Errorf("kafka: list the offsets of a time: %w", err)
		}
	}
	out := kadm.Offsets{}
	from.Each(func(o kadm.ListedOffset) {
		at := o.Offset
		if p.At.IsZero() {
			at = p.Offset
		}
		start, _ := starts.Lookup(o.Topic, o.Partition)
		end, _ := ends.Lookup(o.Topic, o.Partition)
		out.AddOffset(o.Topic, o.Partition, min(max(at, start.Offset), end.Offset), -1)
	})
	return out, nil
}
