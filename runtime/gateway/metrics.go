package gateway

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// metrics are the gateway's. Labels have few values: types, codes and routes that this code names.
type metrics struct {
	framesIn, framesOut, errors, closes, results, requests  *prometheus.CounterVec
	deliveries, pulls, pullErrors, phantoms, probes, healed prometheus.Counter
	requestSeconds                                          *prometheus.HistogramVec
	sendSeconds                                             prometheus.Histogram
	podsLost, cacheErrors, publishErrors, marksLost, panics prometheus.Counter
	routeErrors, takeovers                                  prometheus.Counter
	revoked, auditLost                                      prometheus.Counter
}

func newMetrics(g *Gateway, r prometheus.Registerer) (*metrics, error) {
	var errs []error
	register := func(c prometheus.Collector) {
		if err := r.Register(c); err != nil {
			errs = append(errs, err)
		}
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "chatcluster", Subsystem: "gateway", Name: name, Help: help}, labels)
		register(v)
		return v
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "chatcluster", Subsystem: "gateway", Name: name, Help: help})
		register(c)
		return c
	}
	gauge := func(name, help string, f func() float64) {
		register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "chatcluster", Subsystem: "gateway", Name: name, Help: help}, f))
	}
	m := &metrics{
		framesIn:      vec("frames_received_total", "Frames from clients, by type.", "type"),
		framesOut:     vec("frames_sent_total", "Frames to clients, by type.", "type"),
		errors:        vec("error_frames_total", "Error frames to clients, by code.", "code"),
		closes:        vec("closes_total", "Connections that ended, by close code; 0 is a client that went by itself.", "code"),
		results:       vec("send_results_total", "Results of sends by chat pods, by error code.", "code"),
		requests:      vec("http_requests_total", "REST requests, by route and status.", "route", "status"),
		deliveries:    counter("deliveries_total", "Batches delivered by chat pods."),
		pulls:         counter("pulls_total", "Pulls of a conversation from the store for one connection."),
		pullErrors:    counter("pull_errors_total", "Reads of the store that failed and were tried again."),
		phantoms:      counter("phantom_heads_total", "Announced seqs that the store did not have."),
		probes:        counter("probes_total", "Conversations compared with the store."),
		healed:        counter("probes_healed_total", "Probes that found an entry whose delivery was lost."),
		podsLost:      counter("chat_pods_lost_total", "Streams to chat pods that ended without a drain."),
		cacheErrors:   counter("cache_errors_total", "Calls of the cache that failed."),
		publishErrors: counter("mark_publish_errors_total", "Read marks that Kafka did not take at once."),
		marksLost:     counter("marks_lost_total", "Marks that could not be stored."),
		routeErrors:   counter("route_errors_total", "Calls of Redis about routes that failed."),
		takeovers:     counter("takeovers_total", "Connections whose device has connected again at another gateway."),
		revoked:       counter("revoked_connections_total", "Connections that were closed because their token was revoked."),
		auditLost:     counter("audit_lost_total", "Audit records that were not published: too many at once, or Kafka did not take them."),
		panics:        counter("panics_total", "Frames and requests that ended in a fault of this program."),
	}
	m.requestSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "chatcluster", Subsystem: "gateway", Name: "http_request_seconds", Help: "Time of a REST request, by route.",
		Buckets: prometheus.ExponentialBuckets(0.002, 2.5, 10),
	}, []string{"route"})
	m.sendSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "chatcluster", Subsystem: "gateway", Name: "send_seconds",
		Help: "Time from handing a send, edit, deletion or reaction to a chat pod to its answer.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
	})
	register(m.requestSeconds)
	register(m.sendSeconds)
	gauge("connections", "Open connections.", func() float64 { return float64(g.count()) })
	gauge("queue_bytes", "Bytes that are held for connections: being read, pulled, or waiting to be written.", func() float64 { return float64(g.budget.held.Load()) })
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return m, nil
}

func (m *metrics) received(kind string) { m.framesIn.WithLabelValues(kind).Inc() }
func (m *metrics) sent(kind string)     { m.framesOut.WithLabelValues(kind).Inc() }
func (m *metrics) closed(c protocol.CloseCode) {
	m.closes.WithLabelValues(strconv.Itoa(int(c))).Inc()
}

func (m *metrics) result(code string) {
	if code == "" {
		code = "ok"
	}
	m.results.WithLabelValues(code).Inc()
}
