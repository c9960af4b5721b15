package admin

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the role's. Labels have few values: routes and statuses.
type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	panics    prometheus.Counter
	auditLost prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatcluster_admin_http_requests_total", Help: "Requests of the admin API, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "chatcluster_admin_http_request_seconds", Help: "Time that requests of the admin API took, by route.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_admin_panics_total", Help: "Requests of the admin API that ended in a fault of this program.",
		}),
		auditLost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatcluster_admin_audit_lost_total",
			Help: "Audit records that Kafka did not take: of refusals, and of how a change ended whose request is on record.",
		}),
	}
	return m, errors.Join(r.Register(m.requests), r.Register(m.seconds), r.Register(m.panics), r.Register(m.auditLost))
}
