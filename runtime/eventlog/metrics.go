package eventlog

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// consumerMetrics are what a group's consumer counts.
type consumerMetrics struct {
	records     *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	retries     prometheus.Counter
	deadLetters prometheus.Counter
	lag         *prometheus.GaugeVec
}

func newConsumerMetrics(r prometheus.Registerer, group string) (*consumerMetrics, error) {
	labels := prometheus.Labels{"group": group}
	m := &consumerMetrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatcluster_consumer_records_total", Help: "Records that the handler has taken.", ConstLabels: labels,
		}, []string{"topic"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "chatcluster_consumer_handle_seconds", Help: "Time that a batch of records took, retries included.", ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"topic"}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_consumer_retries_total", Help: "Calls that failed and were repeated.", ConstLabels: labels,
		}),
		deadLetters: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_consumer_dead_letters_total", Help: "Records that could not be processed, and were sent to the dead-letter topic.", ConstLabels: labels,
		}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "chatcluster_consumer_lag", Help: "Records between the last one handled and the partition's end, as of the last fetch: partitions that are this process's only.", ConstLabels: labels,
		}, []string{"topic", "partition"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.records, m.seconds, m.retries, m.deadLetters, m.lag} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("consumer metrics: %w", err)
		}
	}
	return m, nil
}

func (m *consumerMetrics) handled(topic string, n int, took time.Duration) {
	m.records.WithLabelValues(topic).Add(float64(n))
	m.seconds.WithLabelValues(topic).Observe(took.Seconds())
}
