package inbox

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Where a part of an answer came from.
const (
	sourceCache = "cache"
	sourceModel = "model"
)

type metrics struct {
	lists, summaries *prometheus.CounterVec
	cacheErrors      prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		lists: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatcluster_inbox_lists_total", Help: "Users' lists of conversations that were read, by where they came from.",
		}, []string{"source"}),
		summaries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatcluster_inbox_summaries_total", Help: "Summaries of conversations that were read, by where they came from.",
		}, []string{"source"}),
		cacheErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_inbox_cache_errors_total", Help: "Requests that went on without the cache because it failed.",
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.lists, m.summaries, m.cacheErrors} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("inbox: register metrics: %w", err)
		}
	}
	return m, nil
}
