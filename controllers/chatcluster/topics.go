package chatcluster

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"k8s.io/utils/ptr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

func (s *scope) wantedTopics() []kafka.Wanted {
	m := s.spec.MSK
	var wanted []kafka.Wanted
	for _, t := range eventlog.Topics() {
		w := kafka.Wanted{
			Name:              eventlog.FullName(m.TopicPrefix, t.Name),
			InitialPartitions: t.Partitions,
			Replication:       int16(ptr.Deref(m.ReplicationFactor, -1)),
			Configs:           maps.Clone(t.Configs),
			InitialConfigs:    kafka.Retention(defaultTopicRetention),
		}
		// A topic that says how many partitions it needs is not the user's to size.
		if t.Partitions == 0 {
			w.InitialPartitions = defaultPartitions
			w.Partitions = ptr.Deref(m.Partitions, 0)
			if w.Partitions > 0 {
				w.InitialPartitions = w.Partitions
			}
		}
		if m.Retention != nil {
			if w.Configs == nil {
				w.Configs = map[string]string{}
			}
			maps.Copy(w.Configs, kafka.Retention(m.Retention.Duration))
		}
		wanted = append(wanted, w)
	}
	return wanted
}

// topics creates what is missing and grows what is too small.
func (s *scope) topics(ctx context.Context) {
	type wish struct {
		Servers []string
		TLS     bool
		Topics  []kafka.Wanted
	}
	wanted := wish{s.spec.MSK.BootstrapServers, *s.spec.MSK.TLS, s.wantedTopics()}
	if found, ok := s.memo.get(s.cc.UID, "topics", wanted); ok {
		s.facts.topicList = found.([]v1alpha1.TopicStatus)
		return
	}
	s.facts.topicList = s.cc.Status.Topics
	if err := s.claimed(ctx, claimTopics); err != nil {
		s.facts.topics = failed(err)
		return
	}
	admin, err := s.kafka()
	if err != nil {
		s.facts.topics = failed(err)
		return
	}
	observed, changes, err := kafka.Ensure(ctx, admin, wanted.Topics)
	if observed != nil {
		list := make([]v1alpha1.TopicStatus, 0, len(wanted.Topics))
		for _, w := range wanted.Topics {
			list = append(list, v1alpha1.TopicStatus{Name: w.Name, Partitions: observed[w.Name].Partitions})
		}
		slices.SortFunc(list, func(a, b v1alpha1.TopicStatus) int { return compare(a.Name, b.Name) })
		s.facts.topicList = list
	}
	switch {
	case err != nil:
		s.facts.topics = failed(err)
	case changes > 0:
		s.event("TopicsChanged", "ChangeTopics", "Created or changed Kafka topics with prefix %s", s.spec.MSK.TopicPrefix)
		s.facts.topics = pending(v1alpha1.ReasonProgressing, strconv.Itoa(changes)+" topics were created or changed", s.afterChange("topic changes", strconv.Itoa(changes)))
	default:
		s.memo.put(s.cc.UID, "topics", wanted, s.facts.topicList, jitter(s.Options.ObserveEvery))
	}
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
