package project

import (
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	entries, repaired, marks, waiting, parkings, tails, refreshFailures prometheus.Counter
	upkeepFailures, forgotten, expired                                  prometheus.Counter
	parked, retention, partitions, stray                                prometheus.Gauge
	lag                                                                 *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "chatcluster_project_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "chatcluster_project_" + name, Help: help})
	}
	m := &metrics{
		entries:         counter("entries_total", "Log entries that were applied."),
		repaired:        counter("repaired_entries_total", "Log entries that Kafka did not bring and the store did."),
		marks:           counter("marks_total", "Read marks that were applied."),
		waiting:         counter("waiting_records_total", "Records that were put behind a parked conversation."),
		parkings:        counter("parkings_total", "How often a conversation was parked, retries that failed included."),
		tails:           counter("tails_raised_total", "Tail marks that were raised in the store."),
		refreshFailures: counter("cache_refresh_failures_total", "Failed attempts to tell the inbox cache."),
		forgotten:       counter("cache_forgotten_total", "How often the inbox cache had to forget everything, having been away for long."),
		upkeepFailures:  counter("partition_upkeep_failures_total", "Failed rounds of making and dropping the read model's partitions."),
		expired:         counter("expired_entries_total", "Log entries that were deleted because their tenant keeps them for less time than the cluster does."),
		partitions:      gauge("partitions", "Partitions of the read model's entries, as of this process' last round."),
		stray:           gauge("stray_entries", "1 while there are entries of no month that is to be there: a clock is wrong."),
		parked:          gauge("parked_conversations", "Conversations that are parked: each needs a person."),
		retention:       gauge("hot_retention_seconds", "How far behind the projector must never be."),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "chatcluster_project_lag_seconds", Help: "Age of the last record that was applied, since it was published.",
		}, []string{"topic", "partition"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.entries, m.repaired, m.marks, m.waiting, m.parkings, m.tails, m.refreshFailures, m.parked, m.retention, m.lag,
		m.upkeepFailures, m.forgotten, m.expired, m.partitions, m.stray,
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("project: register metrics: %w", err)
		}
	}
	return m, nil
}

func partitionLabel(id int32) string { return strconv.FormatInt(int64(id), 10) }
