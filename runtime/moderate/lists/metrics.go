package lists

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	files, invalid, unreadable, loaded prometheus.Gauge
}

func newMetrics(r prometheus.Registerer, detector string) (metrics, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{"detector": detector}})
	}
	m := metrics{
		files:      gauge("chatcluster_moderation_lists", "Files of lists that are in force."),
		invalid:    gauge("chatcluster_moderation_invalid_lists", "Files of lists that are not valid: what they were stays in force."),
		unreadable: gauge("chatcluster_moderation_lists_unreadable", "1 while the folder of lists cannot be read."),
		loaded:     gauge("chatcluster_moderation_lists_loaded_timestamp_seconds", "When lists were last made anew."),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.files, m.invalid, m.unreadable, m.loaded} {
		if err := r.Register(c); err != nil {
			return m, fmt.Errorf("metrics of lists: %w", err)
		}
	}
	return m, nil
}
