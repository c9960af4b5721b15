package moderate

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a detector's frame counts.
type metrics struct {
	judged   prometheus.Counter
	findings *prometheus.CounterVec
	reasons  *prometheus.CounterVec
	rejected prometheus.Counter
	seconds  prometheus.Histogram
	delay    prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, processor string) (*metrics, error) {
	labels := prometheus.Labels{"processor": processor}
	m := &metrics{
		judged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_processor_judged_total", Help: "Messages and edits that the detector has judged, those that were judged again included.", ConstLabels: labels,
		}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatcluster_processor_findings_total", Help: "Findings that count, by what becomes of them; in mode dryrun, by what would.", ConstLabels: labels,
		}, []string{"action", "mode"}),
		reasons: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatcluster_processor_reasons_total", Help: "Reasons of the findings that count; a finding may have several.", ConstLabels: labels,
		}, []string{"reason", "mode"}),
		rejected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_processor_unjudgeable_total", Help: "Messages that the detector cannot judge: their records went to the dead letters.", ConstLabels: labels,
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "chatcluster_processor_judge_seconds", Help: "Time of one call of the detector.", ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9),
		}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "chatcluster_processor_verdict_delay_seconds", Help: "Time from a message's commit to Kafka's having the verdict.", ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 9),
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.judged, m.findings, m.reasons, m.rejected, m.seconds, m.delay} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("processor metrics: %w", err)
		}
	}
	return m, nil
}

// count counts a finding. Its reasons are a detector's few words; a weight behind a colon is none.
func (m *metrics) count(f finding) {
	mode := string(f.policy.Mode)
	m.findings.WithLabelValues(f.policy.action(), mode).Inc()
	for reason := range strings.SplitSeq(f.Reason, ",") {
		if word, _, _ := strings.Cut(reason, ":"); word != "" {
			m.reasons.WithLabelValues(word, mode).Inc()
		}
	}
}
