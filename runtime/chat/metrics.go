package chat

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	appends  prometheus.Counter
	entries  prometheus.Histogram
	seconds  prometheus.Histogram
	lost     prometheus.Counter
	unknown  prometheus.Counter
	results  *prometheus.CounterVec
	kafka    *prometheus.CounterVec
	owed     prometheus.Counter
	drained  prometheus.Counter
	dropped  prometheus.Counter
	skipped  prometheus.Counter
	signals  prometheus.Counter
	lookups  *prometheus.CounterVec
	settled  prometheus.Counter
	gaps     prometheus.Counter
	lanes    prometheus.GaugeFunc
	streams  prometheus.GaugeFunc
	breaker  prometheus.GaugeFunc
	outbox   prometheus.GaugeFunc
	inFlight prometheus.GaugeFunc
}

func newMetrics(s *Service, r prometheus.Registerer) (*metrics, error) {
	count := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "chatcluster_chat_" + name, Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "chatcluster_chat_" + name, Help: help}, f)
	}
	m := &metrics{
		appends: count("appends_total", "Batches committed."),
		entries: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "chatcluster_chat_batch_entries", Help: "Entries of a committed batch.", Buckets: []float64{1, 2, 4, 8, 16, 32},
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "chatcluster_chat_append_seconds", Help: "Time of one conditional put.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 13),
		}),
		lost:    count("lost_races_total", "Puts whose key was taken."),
		unknown: count("unknown_outcomes_total", "Puts that ended in an error that says nothing."),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "chatcluster_chat_results_total", Help: "Answers, by code."}, []string{"code"}),
		kafka:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "chatcluster_chat_published_total", Help: "Publications of batches."}, []string{"outcome"}),
		owed:    count("owed_total", "Batches that went to the outbox."),
		drained: count("drained_total", "Batches of the outbox that Kafka took."),
		dropped: count("deliveries_dropped_total", "Deliveries that a slow gateway lost; heads heal it."),
		skipped: count("deliveries_skipped_total", "Deliveries that a gateway was left out of, as it had no member."),
		signals: count("signals_total", "Signals that were passed on."),
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatcluster_chat_route_lookups_total", Help: "Lookups of where members are connected.",
		}, []string{"outcome"}),
		settled: count("settled_lanes_total", "Lanes taken over from pods that died."),
		gaps:    count("log_gaps_total", "Lanes given up because the log lacks what it must have."),
		lanes:   gauge("lanes_open", "Open lanes.", func() float64 { return float64(s.laneCount()) }),
		streams: gauge("streams", "Connected gateways.", func() float64 { return float64(s.streams.count()) }),
		breaker: gauge("kafka_breaker_open", "1 while batches go to the outbox directly.", func() float64 {
			if s.breaker.isOpen() {
				return 1
			}
			return 0
		}),
		outbox: gauge("outbox_oldest_seconds", "Age of the oldest batch that Kafka is owed, as of this pod's last look; 0 when there is none.", func() float64 {
			return s.outbox.age().Seconds()
		}),
		inFlight: gauge("requests_in_flight", "Requests accepted and not answered.", func() float64 { return float64(s.unanswered.n.Load()) }),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.appends, m.entries, m.seconds, m.lost, m.unknown, m.results, m.kafka, m.owed, m.drained, m.dropped, m.skipped, m.signals, m.lookups, m.settled, m.gaps,
		m.lanes, m.streams, m.breaker, m.outbox, m.inFlight,
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("chat metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) batch(entries int) {
	m.appends.Inc()
	m.entries.Observe(float64(entries))
}

// result counts an answer; the empty code is success.
func (m *metrics) result(code string) {
	if code == "" {
		code = "ok"
	}
	m.results.WithLabelValues(code).Inc()
}
