package observability

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

// Rules is a file of rules.
type Rules struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []Rule `json:"rules"`
	} `json:"groups"`
}

// Rule records or alerts.
type Rule struct {
	Record      string            `json:"record"`
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// ReadRules reads a file of rules.
func ReadRules(path string) ([]Rule, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file Rules
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var all []Rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all, nil
}

// Query is a query of a dashboard's panel.
type Query struct{ Panel, Expr string }

// ReadDashboard returns a dashboard's queries, those of its variables included.
func ReadDashboard(path string) ([]Query, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var d struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
		Templating struct {
			List []struct {
				Name  string `json:"name"`
				Type  string `json:"type"`
				Query string `json:"query"`
			} `json:"list"`
		} `json:"templating"`
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var all []Query
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			all = append(all, Query{p.Title, interpolate(t.Expr)})
		}
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			all = append(all, Query{"variable " + v.Name, interpolate(variable.ReplaceAllString(v.Query, "$1"))})
		}
	}
	return all, nil
}

// variable is a query for a label's values; what it asks about is a query like any other.
var variable = regexp.MustCompile(`^label_values\((.*), *\w+\)$`)

// interpolate gives Grafana's variables a value.
func interpolate(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$namespace", "chat", "$chatcluster", "demo").Replace(expr)
}

// Selector is what a query reads: a metric and the labels that it names.
type Selector struct {
	Metric string
	Labels []string
}

// Selectors parses a query and returns what it reads.
func Selectors(expr string) ([]Selector, error) {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return nil, err
	}
	var found []Selector
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		s := Selector{Metric: v.Name}
		for _, m := range v.LabelMatchers {
			if m.Name != model.MetricNameLabel {
				s.Labels = append(s.Labels, m.Name)
			}
		}
		found = append(found, s)
		return nil
	})
	return found, nil
}

// Metric is a documented metric.
type Metric struct {
	Type   string
	Labels []string
}

// documented is a row of a table of metrics: name, type, role, labels.
var documented = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| [\\w, ]* \\| ([\\w, ]*) \\|")

// ReadMetrics reads tables of metrics. Histograms are there under the names of their series.
func ReadMetrics(paths ...string) (map[string]Metric, error) {
	found := map[string]Metric{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		rows := documented.FindAllStringSubmatch(string(data), -1)
		if len(rows) == 0 {
			return nil, fmt.Errorf("%s: no metrics", path)
		}
		for _, row := range rows {
			m := Metric{Type: row[2]}
			for l := range strings.SplitSeq(row[3], ",") {
				if l = strings.TrimSpace(l); l != "" {
					m.Labels = append(m.Labels, l)
				}
			}
			if m.Type == "histogram" {
				for _, suffix := range []string{"_bucket", "_sum", "_count"} {
					found[row[1]+suffix] = Metric{m.Type, append([]string{"le"}, m.Labels...)}
				}
				continue
			}
			found[row[1]] = m
		}
	}
	return found, nil
}
