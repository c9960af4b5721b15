package kafka

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// Topic is what a topic is like.
type Topic struct {
	Partitions int32
	Configs    map[string]string
}

// Admin is what is asked of Kafka. Answers to repeated calls ("exists already", "unknown topic") are no errors.
type Admin interface {
	// Topics returns those of names that exist.
	Topics(ctx context.Context, names ...string) (map[string]Topic, error)
	// Create makes a topic; a replication factor of -1 is the brokers' default.
	Create(ctx context.Context, name string, partitions int32, replication int16, configs map[string]string) error
	// Grow raises a topic's number of partitions.
	Grow(ctx context.Context, name string, partitions int32) error
	// Configure sets the given configurations and leaves the others.
	Configure(ctx context.Context, name string, configs map[string]string) error
	// Delete deletes topics.
	Delete(ctx context.Context, names ...string) error
	// Allowed returns how many of the pods' rights on the prefix each principal has.
	Allowed(ctx context.Context, prefix string) (map[string]int, error)
	// Allow gives principals the pods' rights on the prefix.
	Allow(ctx context.Context, principals []string, prefix string) error
	// Disallow takes those rights from principals.
	Disallow(ctx context.Context, principals []string, prefix string) error
}

// Wanted is what a topic must be.
type Wanted struct {
	// Name is the topic's full name.
	Name string
	// Partitions is the least number; 0 leaves what is there.
	Partitions int32
	// InitialPartitions is how many a new topic gets.
	InitialPartitions int32
	// Replication is for a new topic; -1 is the brokers' default.
	Replication int16
	// Configs are enforced.
	Configs map[string]string
	// InitialConfigs are set at creation only.
	InitialConfigs map[string]string
}

// Retention is the configuration of how long records stay.
func Retention(d time.Duration) map[string]string {
	return map[string]string{"retention.ms": strconv.FormatInt(d.Milliseconds(), 10)}
}

// Ensure brings the topics to what is wanted and returns what they were like before, and how many changes were made. A
// failure of one topic does not keep the others from being brought on.
func Ensure(ctx context.Context, admin Admin, wanted []Wanted) (observed map[string]Topic, changes int, err error) {
	names := make([]string, 0, len(wanted))
	for _, w := range wanted {
		names = append(names, w.Name)
	}
	observed, err = admin.Topics(ctx, names...)
	if err != nil {
		return nil, 0, classify("list topics", err)
	}
	var errs []error
	for _, w := range wanted {
		n, err := ensure(ctx, admin, w, observed)
		changes += n
		if err != nil {
			errs = append(errs, classify("topic "+w.Name, err))
		}
	}
	return observed, changes, errors.Join(errs...)
}

func ensure(ctx context.Context, admin Admin, w Wanted, observed map[string]Topic) (changes int, err error) {
	have, exists := observed[w.Name]
	if !exists {
		configs := maps.Clone(w.InitialConfigs)
		if configs == nil {
			configs = map[string]string{}
		}
		maps.Copy(configs, w.Configs)
		return 1, admin.Create(ctx, w.Name, max(w.InitialPartitions, w.Partitions, 1), w.Replication, configs)
	}
	if have.Partitions < w.Partitions {
		changes++
		if err := admin.Grow(ctx, w.Name, w.Partitions); err != nil {
			return changes, err
		}
	}
	drifted := map[string]string{}
	for k, v := range w.Configs {
		if have.Configs[k] != v {
			drifted[k] = v
		}
	}
	if len(drifted) > 0 {
		changes++
		return changes, admin.Configure(ctx, w.Name, drifted)
	}
	return changes, nil
}

// Delete deletes those of names that exist and tells whether none did.
func Delete(ctx context.Context, admin Admin, names []string) (gone bool, err error) {
	observed, err := admin.Topics(ctx, names...)
	if err != nil {
		return false, classify("list topics", err)
	}
	if len(observed) == 0 {
		return true, nil
	}
	existing := slices.Sorted(maps.Keys(observed))
	return false, classify("delete topics", admin.Delete(ctx, existing...))
}

func classify(doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, io.EOF) {
		return fault.Transient(v1alpha1.ReasonUnreachable,
			"Kafka: %s: a broker closed the connection, as one does that expects another login: see msk.tls and msk.authentication", doing)
	}
	if e := fault.Network("Kafka", err); e != nil {
		return e
	}
	return kafkaError(doing, err)
}
