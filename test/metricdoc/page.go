package metricdoc

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// Recorder is a Registerer that notes what is registered. Make it with New.
type Recorder struct {
	prometheus.Registerer
	role string

	mu   sync.Mutex
	rows []string
}

// New returns a Recorder of what role registers.
func New(role string) *Recorder { return &Recorder{Registerer: prometheus.NewRegistry(), role: role} }

// Register implements prometheus.Registerer.
func (r *Recorder) Register(c prometheus.Collector) error {
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		c.Describe(descriptions)
	}()
	for d := range descriptions {
		r.mu.Lock()
		r.rows = append(r.rows, row(r.role, c, d))
		r.mu.Unlock()
	}
	return r.Registerer.Register(c)
}

// Row is a line of a page's table.
func Row(name, kind, role, labels, help string) string {
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s |", name, kind, role, labels, help)
}

// row reads a Desc's String: it has no accessors.
func row(role string, c prometheus.Collector, d *prometheus.Desc) string {
	text := d.String()
	between := func(from, to string) string {
		_, rest, _ := strings.Cut(text, from)
		found, _, _ := strings.Cut(rest, to)
		return found
	}
	var labels []string
	if constant, _, ok := strings.Cut(between("constLabels: {", "}"), "="); ok {
		labels = append(labels, constant)
	}
	if variable := between("variableLabels: {", "}"); variable != "" {
		labels = append(labels, strings.Split(variable, ",")...)
	}
	name, kind := between(`fqName: "`, `"`), "gauge"
	switch c.(type) {
	case *prometheus.HistogramVec, prometheus.Histogram:
		kind = "histogram"
	default:
		if strings.HasSuffix(name, "_total") {
			kind = "counter"
		}
	}
	return Row(name, kind, role, strings.Join(labels, ", "), between(`help: "`, `", `))
}

// Check compares a page with its head and all rows, and writes it first when update is true.
func Check(t *testing.T, path, head string, update bool, recorders []*Recorder, more ...string) {
	t.Helper()
	rows := slices.Clone(more)
	for _, r := range recorders {
		rows = append(rows, r.rows...)
	}
	slices.Sort(rows)
	page := head + "\n| metric | type | role | labels | |\n|---|---|---|---|---|\n" + strings.Join(slices.Compact(rows), "\n") + "\n"
	if update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil { //nolint:gosec // It is a page of the documentation.
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(stored), page); diff != "" {
		t.Errorf("%s is not what the code has: run this test with -update (-page +code):\n%s", path, diff)
	}
}
