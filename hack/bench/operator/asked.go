package operator

import (
	"maps"
	"net/http"
	"strings"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Asked is what an operator has asked for since it began.
type Asked struct {
	// Kubernetes has the requests by verb and resource, as "PATCH deployments".
	Kubernetes map[string]int
	// CloudWrites and CloudReads are the calls to AWS and Kafka.
	CloudWrites, CloudReads int
	// Passes are the reconciliations, by controller.
	Passes map[string]int
}

// Writes counts the requests that change something; events, which only tell, do not count.
func (a Asked) Writes() int {
	n := 0
	for what, times := range a.Kubernetes {
		verb, resource, _ := strings.Cut(what, " ")
		if verb != http.MethodGet && !strings.HasPrefix(resource, "events") {
			n += times
		}
	}
	return n
}

// Reads counts the requests that read one object: what the cache did not answer. What the API server serves at all, which is asked now and then
// however many objects there are, is none.
func (a Asked) Reads() int {
	n := 0
	for what, times := range a.Kubernetes {
		if strings.HasPrefix(what, http.MethodGet+" ") && !strings.HasSuffix(what, " list") && what != http.MethodGet+" discovery" {
			n += times
		}
	}
	return n
}

// Total counts all requests to Kubernetes.
func (a Asked) Total() int {
	n := 0
	for _, times := range a.Kubernetes {
		n += times
	}
	return n
}

// Minus is what was asked since before.
func (a Asked) Minus(before Asked) Asked {
	d := Asked{Kubernetes: map[string]int{}, CloudWrites: a.CloudWrites - before.CloudWrites, CloudReads: a.CloudReads - before.CloudReads}
	for what, times := range a.Kubernetes {
		if times -= before.Kubernetes[what]; times != 0 {
			d.Kubernetes[what] = times
		}
	}
	d.Passes = map[string]int{}
	for who, times := range a.Passes {
		d.Passes[who] = times - before.Passes[who]
	}
	return d
}

// work counts reconciliations, by controller, and what is due, by controller-runtime's own metrics.
func work() (passes map[string]int, due int, err error) {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return nil, 0, err
	}
	passes = map[string]int{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "controller_runtime_reconcile_total":
				for _, l := range m.GetLabel() {
					if l.GetName() == "controller" {
						passes[l.GetValue()] += int(m.GetCounter().GetValue())
					}
				}
			case "workqueue_depth", "controller_runtime_active_workers":
				due += int(m.GetGauge().GetValue())
			}
		}
	}
	return passes, due, nil
}

// counter counts requests to the API server.
type counter struct {
	mu    sync.Mutex
	asked map[string]int
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (c *counter) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		c.mu.Lock()
		if c.asked == nil {
			c.asked = map[string]int{}
		}
		c.asked[r.Method+" "+resource(r.URL.Path)]++
		c.mu.Unlock()
		return next.RoundTrip(r)
	})
}

func (c *counter) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.asked)
}

// resource is what a path names: the resource, with "list" behind it where the path names no object of it.
func resource(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 3 {
		return path
	}
	if parts[0] == "apis" {
		parts = parts[3:]
	} else {
		parts = parts[2:]
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	switch len(parts) {
	case 0:
		return "discovery"
	case 1:
		return parts[0] + " list"
	case 2:
		return parts[0]
	}
	return parts[0] + "/" + parts[2]
}
