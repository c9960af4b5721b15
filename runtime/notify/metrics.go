package notify

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Reasons for which a member or a device that has not confirmed is not pushed, or not now. They are labels.
const (
	becauseMuted   = "muted"   // the user does not want it
	becauseStruck  = "struck"  // the platform has refused the token too often
	becauseLeft    = "left"    // no member any more
	becauseQuiet   = "quiet"   // the device sleeps
	becauseRate    = "rate"    // the user has had many
	becauseOutage  = "outage"  // the platform's circuit is open
	becauseRefused = "refused" // the platform may take it later
)

// What becomes of tokens. They are labels.
const (
	tokenRemoved  = "removed"
	tokenStruck   = "struck"
	tokenDisabled = "disabled"
)

// metrics are what the role counts.
type metrics struct {
	windows          prometheus.Gauge
	pushes           *prometheus.CounterVec
	suppressed       *prometheus.CounterVec
	deferred         *prometheus.CounterVec
	tokens           *prometheus.CounterVec
	givenUp          *prometheus.CounterVec
	retries          prometheus.Counter
	marksUnavailable prometheus.Counter
	badgeUnavailable prometheus.Counter
	sweepFailures    prometheus.Counter
	delay            prometheus.Histogram
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "chatcluster_notify_" + name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "chatcluster_notify_" + name, Help: help}, labels)
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		windows: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chatcluster_notify_windows", Help: "Conversations with messages that are not settled yet.",
		}),
		pushes:           counters("pushes_total", "Pushes that were tried, by platform, outcome and the platform's reason.", "channel", "outcome", "reason"),
		suppressed:       counters("suppressed_total", "Unconfirmed devices that were not pushed, by reason.", "reason"),
		deferred:         counters("deferred_total", "Pushes that were put off, by reason.", "reason"),
		tokens:           counters("tokens_total", "Push tokens that platforms refused, by platform and what became of them.", "channel", "event"),
		givenUp:          counters("given_up_total", "Pushes that no platform took or refused for good in all attempts.", "channel"),
		retries:          counter("retries_total", "Evaluations of windows that could not be finished and are repeated."),
		marksUnavailable: counter("marks_unavailable_total", "Times that members were decided without the cache's marks."),
		badgeUnavailable: counter("badge_unavailable_total", "Times that pushes went without badges, because the unread totals could not be read."),
		sweepFailures:    counter("sweep_failures_total", "Times that deferred pushes could not be looked after."),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "chatcluster_notify_delay_seconds", Help: "Time from a message's commit to the acceptance of its push; deferred pushes do not count.",
			Buckets: []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 900, 3600},
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.windows, m.pushes, m.suppressed, m.deferred, m.tokens, m.givenUp, m.retries, m.marksUnavailable, m.badgeUnavailable, m.sweepFailures, m.delay,
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("notify metrics: %w", err)
		}
	}
	return m, nil
}
