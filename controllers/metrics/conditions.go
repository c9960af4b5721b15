package metrics

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

const (
	// MaxConditions bounds how many conditions are told, of all objects together.
	MaxConditions = 20_000
	// listTime bounds how long a scrape waits for the cache.
	listTime = 5 * time.Second
)

// Object is what is told of an object.
type Object struct {
	Kind, Namespace, Name string
	Conditions            []metav1.Condition
}

// List returns all objects of a kind. It is asked at every scrape and must answer from memory; what it returns is not changed.
type List func(context.Context) ([]Object, error)

// ChatClusters lists ChatClusters.
func ChatClusters(reader client.Reader) List {
	return func(ctx context.Context) ([]Object, error) {
		var list v1alpha1.ChatClusterList
		if err := reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, err
		}
		objects := make([]Object, len(list.Items))
		for i := range list.Items {
			cc := &list.Items[i]
			objects[i] = Object{Kind: "ChatCluster", Namespace: cc.Namespace, Name: cc.Name, Conditions: cc.Status.Conditions}
		}
		return objects, nil
	}
}

// ChatTenants lists ChatTenants.
func ChatTenants(reader client.Reader) List {
	return func(ctx context.Context) ([]Object, error) {
		var list v1alpha1.ChatTenantList
		if err := reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, err
		}
		objects := make([]Object, len(list.Items))
		for i := range list.Items {
			t := &list.Items[i]
			objects[i] = Object{Kind: "ChatTenant", Namespace: t.Namespace, Name: t.Name, Conditions: t.Status.Conditions}
		}
		return objects, nil
	}
}

// Conditions tells whether each condition of each object is true. It is a prometheus.Collector.
type Conditions struct {
	lists         []List
	limit         int
	told, dropped *prometheus.Desc
}

// NewConditions tells of all objects of the lists, and of at most MaxConditions conditions: those of objects that are not Ready first.
func NewConditions(lists ...List) *Conditions {
	return &Conditions{
		lists: lists, limit: MaxConditions,
		told: prometheus.NewDesc("chatcluster_operator_condition", "1 while the condition is True, 0 while it is not.",
			[]string{"kind", "namespace", "name", "type"}, nil),
		dropped: prometheus.NewDesc("chatcluster_operator_conditions_dropped", "Conditions that are not told, because there are too many.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *Conditions) Describe(out chan<- *prometheus.Desc) {
	out <- c.told
	out <- c.dropped
}

// Collect implements prometheus.Collector. While the cache does not answer nothing is told: no news is not bad news.
func (c *Conditions) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), listTime)
	defer cancel()
	var objects []Object
	for _, list := range c.lists {
		some, err := list(ctx)
		if err != nil {
			return
		}
		objects = append(objects, some...)
	}
	ready := func(o Object) int {
		if meta.IsStatusConditionTrue(o.Conditions, v1alpha1.ConditionReady) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(objects, func(a, b Object) int { return ready(a) - ready(b) })
	told, dropped := 0, 0
	for _, o := range objects {
		if told+len(o.Conditions) > c.limit {
			dropped += len(o.Conditions)
			continue
		}
		told += len(o.Conditions)
		for _, condition := range o.Conditions {
			value := 0.0
			if condition.Status == metav1.ConditionTrue {
				value = 1
			}
			out <- prometheus.MustNewConstMetric(c.told, prometheus.GaugeValue, value, o.Kind, o.Namespace, o.Name, condition.Type)
		}
	}
	out <- prometheus.MustNewConstMetric(c.dropped, prometheus.GaugeValue, float64(dropped))
}
