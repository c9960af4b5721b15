package observability

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var root = filepath.Join("..", "..", "..")

// scraped are labels that every series of the data plane gets when it is scraped (a ChatCluster's PodMonitor, scrape.yaml).
var scraped = []string{"namespace", "chatcluster", "role", "pod", "instance", "job"}

// processMetrics are of every process that client_golang watches over.
var processMetrics = []string{"process_cpu_seconds_total", "process_resident_memory_bytes"}

func known(t *testing.T, rules []Rule) map[string]Metric {
	t.Helper()
	metrics, err := ReadMetrics(filepath.Join(root, "docs", "metrics-chatd.md"), filepath.Join(root, "docs", "metrics-manager.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range processMetrics {
		metrics[name] = Metric{}
	}
	for _, r := range rules {
		if r.Record != "" {
			metrics[r.Record] = Metric{Labels: []string{"code", "channel", "group", "topic", "service"}}
		}
	}
	return metrics
}

func allRules(t *testing.T) []Rule {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "config", "prometheus", "rules", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no rules", err)
	}
	var all []Rule
	for _, f := range files {
		rules, err := ReadRules(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rules...)
	}
	return all
}

// check says what is wrong with a query: a metric that nobody has, or a label that it has not.
func check(metrics map[string]Metric, expr string) (problems []string) {
	selectors, err := Selectors(expr)
	if err != nil {
		return []string{err.Error()}
	}
	for _, s := range selectors {
		m, ok := metrics[s.Metric]
		if !ok {
			problems = append(problems, "no code has a metric "+s.Metric)
			continue
		}
		for _, l := range s.Labels {
			if !slices.Contains(m.Labels, l) && !slices.Contains(scraped, l) {
				problems = append(problems, s.Metric+" has no label "+l)
			}
		}
	}
	return problems
}

func TestRulesReadWhatTheCodeHas(t *testing.T) {
	rules := allRules(t)
	metrics := known(t, rules)
	for _, r := range rules {
		for _, p := range check(metrics, r.Expr) {
			t.Errorf("%s%s: %s", r.Record, r.Alert, p)
		}
	}
}

func TestDashboardsReadWhatTheCodeHas(t *testing.T) {
	metrics := known(t, allRules(t))
	for _, name := range []string{"dataplane", "operator", "processors"} {
		queries, err := ReadDashboard(filepath.Join(root, "config", "grafana", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(queries) < 10 {
			t.Errorf("%s has only %d queries", name, len(queries))
		}
		for _, q := range queries {
			for _, p := range check(metrics, q.Expr) {
				t.Errorf("%s, %q: %s in %s", name, q.Panel, p, q.Expr)
			}
		}
	}
}

func TestCheckFinds(t *testing.T) {
	metrics := map[string]Metric{"a_total": {Labels: []string{"code"}}}
	cases := map[string]struct{ reason, expr, want string }{
		"Fine":   {"a label of the metric, and one of the scrape", `rate(a_total{code="1", chatcluster="x"}[5m])`, ""},
		"Metric": {"an alert that can never fire", `rate(b_total[5m])`, "no code has a metric b_total"},
		"Label":  {"a selector that never matches", `a_total{kode="1"}`, "a_total has no label kode"},
		"Syntax": {"Prometheus would refuse the file", `rate(a_total[5m)`, "parse error"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(check(metrics, tc.expr), "; ")
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("%s: %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

// Who is woken by an alert finds what to do, and no entry outlives its alert.
func TestEveryAlertHasARunbook(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "runbooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(string(page), -1) {
		entries[m[1]] = true
	}
	const url = "https://github.com/chatcluster/chatcluster/blob/main/docs/runbooks.md#"
	tests, err := filepath.Glob(filepath.Join(root, "config", "prometheus", "tests", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range allRules(t) {
		if r.Alert == "" {
			continue
		}
		if !entries[r.Alert] {
			t.Errorf("%s has no entry in docs/runbooks.md", r.Alert)
		}
		delete(entries, r.Alert)
		if r.Annotations["runbook_url"] != url+strings.ToLower(r.Alert) {
			t.Errorf("%s: its runbook_url is %q", r.Alert, r.Annotations["runbook_url"])
		}
		if r.Annotations["summary"] == "" || !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s: summary %q, severity %q", r.Alert, r.Annotations["summary"], r.Labels["severity"])
		}
		if r.Labels["severity"] == "critical" && !tested(t, r.Alert, tests) {
			t.Errorf("%s wakes people and has no test in config/prometheus/tests", r.Alert)
		}
	}
	for e := range entries {
		t.Errorf("docs/runbooks.md speaks of %s, which is no alert", e)
	}
}

func tested(t *testing.T, alert string, files []string) bool {
	t.Helper()
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`alertname: ` + alert + `\b`).Match(data) {
			return true
		}
	}
	return false
}

// Whoever is woken reads each entry in the same order.
func TestEveryRunbookHasItsParts(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "runbooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	entries := strings.Split(string(page), "\n### ")[1:]
	if len(entries) < 30 {
		t.Fatalf("only %d entries were found", len(entries))
	}
	form := regexp.MustCompile(`(?s)^\w+\n\*\*Means\*\* .+\n\n\*\*Look\*\*.+\n\n\*\*Do\*\* .+\n\n\*\*Over when\*\* .+`)
	for _, e := range entries {
		if !form.MatchString(e) {
			name, _, _ := strings.Cut(e, "\n")
			t.Errorf("%s does not say what it means, where to look, what to do and when it is over, in this order", name)
		}
	}
}

// What the runbooks tell to look at must be there.
func TestRunbooksNameRealMetrics(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "runbooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	metrics := known(t, allRules(t))
	for _, m := range regexp.MustCompile("`(chatcluster_\\w+)`").FindAllStringSubmatch(string(page), -1) {
		_, plain := metrics[m[1]]
		_, histogram := metrics[m[1]+"_count"]
		if !plain && !histogram {
			t.Errorf("no code has a metric %s", m[1])
		}
	}
}
