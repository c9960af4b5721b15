package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	dto "github.com/prometheus/client_model/go"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
)

// scrapes is how many pods are read side by side.
const scrapes = 16

// load is what top says of a pod, or of all of them. Rates are per second, over the interval.
type load struct {
	Pod         string  `json:"pod,omitempty"`
	Role        string  `json:"role,omitempty"`
	Connections float64 `json:"connections"`
	Sends       float64 `json:"sendsPerSecond"`
	Entries     float64 `json:"entriesPerSecond"`
	CPU         float64 `json:"cpu"`
	Memory      float64 `json:"memoryBytes"`
	Error       string  `json:"error,omitempty"`
}

// traffic is a ChatCluster's.
type traffic struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Total     load   `json:"total"`
	Pods      []load `json:"pods"`
}

func (p *plugin) topCommand() *cobra.Command {
	var f output.Format
	var interval time.Duration
	cmd := &cobra.Command{
		Use: "top NAME", Short: "Show connections, messages a second and what the pods use", Args: cobra.ExactArgs(1),
		Example: `  kubectl chatcluster top chat -n chat
  kubectl chatcluster top chat -n chat --interval 30s -o json | jq .total.sendsPerSecond`,
		ValidArgsFunction: p.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.connect(p.flags)
			if err != nil {
				return err
			}
			return p.top(cmd.Context(), c, args[0], f, interval)
		},
	}
	f.Bind(cmd)
	cmd.Flags().DurationVar(&interval, "interval", 5*time.Second, "Over what time rates are measured")
	return cmd
}

func (p *plugin) top(ctx context.Context, c *cluster, name string, f output.Format, interval time.Duration) error {
	if _, err := c.get(ctx, name); err != nil {
		return err
	}
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(c.namespace), podsOf(name)); err != nil {
		return err
	}
	running := slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool {
		// A Job's pods serve no metrics.
		return pod.Status.Phase != corev1.PodRunning || pod.Labels[batchv1.JobNameLabel] != ""
	})
	slices.SortFunc(running, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	first, began := c.samples(ctx, running), p.now()
	p.progress.Say("measuring %d pods for %s", len(running), interval)
	if err := p.wait(ctx, interval); err != nil {
		return err
	}
	second, took := c.samples(ctx, running), p.now().Sub(began)
	p.progress.End()
	t := traffic{Namespace: c.namespace, Name: name, Pods: []load{}}
	failed := 0
	for i, pod := range running {
		l := between(first[i], second[i], took)
		l.Pod, l.Role = pod.Name, pod.Labels["app.kubernetes.io/component"]
		if l.Error != "" {
			failed++
		}
		t.Pods = append(t.Pods, l)
		t.Total.add(l)
	}
	if err := f.Print(p.out, t, t.table); err != nil {
		return err
	}
	if len(running) > 0 && failed == len(running) {
		return errors.New("no pod's metrics could be read: " + t.Pods[0].Error)
	}
	return nil
}

// sample is what one look at a pod found.
type sample struct {
	values map[string]float64
	err    error
}

// samples reads the pods' metrics, in their order.
func (c *cluster) samples(ctx context.Context, pods []corev1.Pod) []sample {
	found := make([]sample, len(pods))
	var g errgroup.Group
	g.SetLimit(scrapes)
	var mu sync.Mutex
	for i, pod := range pods {
		g.Go(func() error {
			text, err := c.metrics(ctx, pod.Namespace, pod.Name)
			s := sample{err: err}
			if err == nil {
				s.values, s.err = parse(text)
			}
			mu.Lock()
			defer mu.Unlock()
			found[i] = s
			return nil
		})
	}
	_ = g.Wait() // what failed stands in the samples
	return found
}

// parse sums each metric over its labels. Of the results of sends only what was accepted counts.
func parse(text []byte) (map[string]float64, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("its metrics cannot be read: %w", err)
	}
	values := map[string]float64{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			if name == "chatcluster_gateway_send_results_total" && !labeled(m, "code", "ok") {
				continue
			}
			values[name] += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	return values, nil
}

func labeled(m *dto.Metric, name, value string) bool {
	return slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == name && l.GetValue() == value })
}

func between(first, second sample, took time.Duration) load {
	for _, s := range []sample{first, second} {
		if s.err != nil {
			return load{Error: s.err.Error()}
		}
	}
	// A counter that fell belongs to a process that started again.
	rate := func(name string) float64 {
		return max(0, second.values[name]-first.values[name]) / max(took.Seconds(), 1e-3)
	}
	return load{
		Connections: second.values["chatcluster_gateway_connections"],
		Sends:       rate("chatcluster_gateway_send_results_total"),
		Entries:     rate("chatcluster_chat_batch_entries"),
		CPU:         rate("process_cpu_seconds_total"),
		Memory:      second.values["process_resident_memory_bytes"],
	}
}

func (l *load) add(other load) {
	l.Connections += other.Connections
	l.Sends += other.Sends
	l.Entries += other.Entries
	l.CPU += other.CPU
	l.Memory += other.Memory
}

func (t traffic) table(w io.Writer) error {
	rows := [][]string{{"POD", "ROLE", "CONNECTIONS", "SENDS/S", "ENTRIES/S", "CPU", "MEMORY"}}
	for _, l := range t.Pods {
		if l.Error != "" {
			rows = append(rows, []string{l.Pod, l.Role, "-", "-", "-", "-", "-", l.Error})
			continue
		}
		connections, sends, entries := "-", "-", "-"
		switch l.Role {
		case "gateway":
			connections, sends = fmt.Sprintf("%.0f", l.Connections), fmt.Sprintf("%.1f", l.Sends)
		case "chat":
			entries = fmt.Sprintf("%.1f", l.Entries)
		}
		rows = append(rows, []string{l.Pod, l.Role, connections, sends, entries, fmt.Sprintf("%.2f", l.CPU), mebibytes(l.Memory)})
	}
	rows = append(rows, []string{
		"TOTAL", "", fmt.Sprintf("%.0f", t.Total.Connections), fmt.Sprintf("%.1f", t.Total.Sends), fmt.Sprintf("%.1f", t.Total.Entries),
		fmt.Sprintf("%.2f", t.Total.CPU), mebibytes(t.Total.Memory),
	})
	return output.Columns(w, rows)
}

func mebibytes(bytes float64) string { return fmt.Sprintf("%.0fMi", bytes/(1<<20)) }
