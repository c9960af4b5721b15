package analytics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	entries, marks, figures, late, repeated, reads, dropped, forgotten, failures prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "chatcluster_analytics_" + name, Help: help})
	}
	m := &metrics{
		entries:   counter("entries_total", "Log entries that were counted."),
		marks:     counter("marks_total", "Read marks that were counted."),
		figures:   counter("figures_total", "Records of what gateways and notifiers measured that were counted."),
		late:      counter("late_figures_total", "Records of figures that came too late to tell whether they were counted: they are not."),
		repeated:  counter("repeated_total", "Log entries, read marks and figures that came again, and were counted already."),
		reads:     counter("reads_total", "Reads whose latency is known."),
		dropped:   counter("dropped_reads_total", "Reads that waited a day for the read model, and were given up."),
		forgotten: counter("forgotten_minutes_total", "Rollups by minute that were dropped, being old."),
		failures:  counter("failures_total", "Transactions that failed and are repeated."),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.entries, m.marks, m.figures, m.late, m.repeated, m.reads, m.dropped, m.forgotten, m.failures} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("analytics: register metrics: %w", err)
		}
	}
	return m, nil
}
