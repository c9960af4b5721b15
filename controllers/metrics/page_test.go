package metrics

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	_ "sigs.k8s.io/controller-runtime/pkg/controller" // registers its metrics
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/chatcluster/chatcluster/test/metricdoc"
)

var update = flag.Bool("update", false, "write docs/metrics-manager.md anew")

// libraries are the metrics of controller-runtime that rules, dashboards and runbooks read: name, type, labels, help.
var libraries = [][4]string{
	{"controller_runtime_reconcile_total", "counter", "controller, result", "Passes, by result."},
	{"controller_runtime_reconcile_errors_total", "counter", "controller", "Passes that failed."},
	{"controller_runtime_reconcile_time_seconds", "histogram", "controller", "Time of a pass."},
	{"workqueue_depth", "gauge", "name, controller, priority", "Objects that wait for a pass."},
	{"workqueue_unfinished_work_seconds", "gauge", "name, controller", "Time of the passes under way."},
	{"leader_election_master_status", "gauge", "name", "1 while this process leads."},
	{"rest_client_requests_total", "counter", "code, method, host", "Requests of the API server."},
}

// What is documented, and what rules and dashboards are checked against, is what the operator registers.
func TestMetricsAreDocumented(t *testing.T) {
	recorder := metricdoc.New("manager")
	if _, err := NewCalls(recorder); err != nil {
		t.Fatal(err)
	}
	if err := recorder.Register(NewConditions()); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range libraries {
		rows = append(rows, metricdoc.Row(m[0], m[1], "manager", m[2], m[3]))
		// Another metric of its name is refused only where there is one.
		if err := ctrlmetrics.Registry.Register(prometheus.NewGauge(prometheus.GaugeOpts{Name: m[0], Help: "another"})); err == nil || !strings.Contains(err.Error(), m[0]) {
			t.Errorf("controller-runtime has no metric %s: %v", m[0], err)
		}
	}
	metricdoc.Check(t, filepath.Join("..", "..", "docs", "metrics-manager.md"), `# Metrics of the operator

What the manager tells of itself, and those of controller-runtime's metrics that rules, dashboards and runbooks read.
`+"`go test ./controllers/metrics -run Metrics -update`"+` writes this page.
`, *update, []*metricdoc.Recorder{recorder}, rows...)
}
