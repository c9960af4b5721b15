package verdicts

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what an applier counts.
type metrics struct {
	outcomes *prometheus.CounterVec
	mutes    prometheus.Counter
	delay    prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatcluster_verdicts_total", Help: "Verdicts by what became of them: applied, repeated (it was in the log), rejected (a dead letter), ignored (the tenant is being purged).",
		}, []string{"outcome"}),
		mutes: prometheus.NewCounter(prometheus.CounterOpts{Name: "chatcluster_verdicts_mutes_total", Help: "Senders muted, those muted again included."}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "chatcluster_verdicts_delay_seconds", Help: "Time from a verdict's publication to its being in the log.",
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 9),
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.outcomes, m.mutes, m.delay} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("verdicts metrics: %w", err)
		}
	}
	return m, nil
}
