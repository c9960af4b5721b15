package chatcluster

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

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
		if w.Configs == nil {
			w.Configs = map[string]string{}
		}
		if m.Profile == v1alpha1.ProfileServerless {
			// What MSK Serverless takes at creation only.
			w.InitialConfigs["cleanup.policy"] = w.Configs["cleanup.policy"]
			delete(w.Configs, "cleanup.policy")
		}
		for k, v := range m.TopicConfigs {
			w.Configs[k] = string(v)
		}
		if m.Retention != nil {
			maps.Copy(w.Configs, kafka.Retention(m.Retention.Duration))
		}
		wanted = append(wanted, w)
	}
	return wanted
}

// topics creates what is missing and grows what is too small.
func (s *scope) topics(ctx context.Context) {
	type wish struct {
		AWS v1alpha1.AWSSpec
		MSK v1alpha1.MSKSpec
	}
	wanted := wish{s.spec.AWS, s.spec.MSK} // the topics follow from it
	if found, ok := s.memo.get(s.cc.UID, "topics", wanted); ok {
		s.facts.topicList = found.([]v1alpha1.TopicStatus)
		return
	}
	s.facts.topicList = s.cc.Status.Topics
	if err := s.claimed(ctx, claimTopics); err != nil {
		s.facts.topics = failed(err)
		return
	}
	admin, err := s.kafka(ctx)
	if err != nil {
		s.facts.topics = secretFact(err)
		return
	}
	topics := s.wantedTopics()
	observed, changes, err := kafka.Ensure(ctx, admin, topics)
	if observed != nil {
		list := make([]v1alpha1.TopicStatus, 0, len(topics))
		for _, w := range topics {
			list = append(list, v1alpha1.TopicStatus{Name: w.Name, Partitions: observed[w.Name].Partitions})
		}
		slices.SortFunc(list, func(a, b v1alpha1.TopicStatus) int { return strings.Compare(a.Name, b.Name) })
		s.facts.topicList = list
	}
	if principals := s.spec.MSK.ACLPrincipals; len(principals) > 0 && err == nil {
		var n int
		n, err = kafka.EnsureAccess(ctx, admin, principals, s.spec.MSK.TopicPrefix)
		changes += n
	}
	switch {
	case err != nil:
		s.facts.topics = failed(err)
	case changes > 0:
		s.event("TopicsChanged", "ChangeTopics", "Created or changed Kafka topics or ACLs with prefix %s", s.spec.MSK.TopicPrefix)
		s.facts.topics = pending(v1alpha1.ReasonProgressing, strconv.Itoa(changes)+" topics or ACLs were created or changed", s.afterChange("topic changes", strconv.Itoa(changes)))
	default:
		s.memo.put(s.cc.UID, "topics", wanted, s.facts.topicList, jitter(s.Options.ObserveEvery))
	}
}
