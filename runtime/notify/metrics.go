package notify

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the role counts.
type metrics struct {
	windows          prometheus.Gauge
	pushes           *prometheus.CounterVec
	givenUp          prometheus.Counter
	retries          prometheus.Counter
	marksUnavailable prometheus.Counter
	delay            prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		windows: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chatcluster_notify_windows", Help: "Conversations with messages that are not decided yet.",
		}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatcluster_notify_pushes_total", Help: "Pushes that were tried, by outcome.",
		}, []string{"outcome"}),
		givenUp: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_notify_given_up_total", Help: "Pushes that no platform took or refused for good in all attempts.",
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_notify_retries_total", Help: "Evaluations of windows that could not be finished and are repeated.",
		}),
		marksUnavailable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_notify_marks_unavailable_total", Help: "Members decided without the cache's marks.",
		}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "chatcluster_notify_delay_seconds", Help: "Time from a message's commit to the acceptance of its push.",
			Buckets: []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 900, 3600},
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.windows, m.pushes, m.givenUp, m.retries, m.marksUnavailable, m.delay} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("notify metrics: %w", err)
		}
	}
	return m, nil
}
