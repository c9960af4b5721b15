package audit

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	entries, repeated, exported, exportFailures prometheus.Counter
	exportedAt                                  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "chatcluster_audit_" + name, Help: help})
	}
	m := &metrics{
		entries:        counter("entries_total", "Entries that were added to audit logs."),
		repeated:       counter("repeated_total", "Events that came again, and were in the audit log already."),
		exported:       counter("exported_entries_total", "Entries that were exported."),
		exportFailures: counter("export_failures_total", "Rounds of the export that failed, for one tenant at least."),
		exportedAt: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chatcluster_audit_exported_timestamp_seconds", Help: "When this process last exported all audit logs; 0 when it never did.",
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.entries, m.repeated, m.exported, m.exportFailures, m.exportedAt} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("audit: register metrics: %w", err)
		}
	}
	return m, nil
}
