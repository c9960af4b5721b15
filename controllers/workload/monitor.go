package workload

import "strings"

// ComponentMonitor is the component of the PodMonitor.
const ComponentMonitor = "monitor"

// PodMonitor has the Prometheus operator read the metrics of every role's pods.
func (c Cluster) PodMonitor() Object {
	relabel := func(label, target string) map[string]any {
		source := "__meta_kubernetes_pod_label_" + strings.NewReplacer(".", "_", "/", "_", "-", "_").Replace(label)
		return map[string]any{"sourceLabels": []string{source}, "targetLabel": target}
	}
	// The labels that config/prometheus/rules and the dashboards read.
	endpoint := map[string]any{
		"port": "ops", "path": "/metrics", "relabelings": []any{relabel(LabelInstance, "chatcluster"), relabel(LabelComponent, "role")},
	}
	if i := c.Spec.Telemetry.PodMonitor.Interval; i != "" {
		endpoint["interval"] = i
	}
	o := c.object(PodMonitorKind, ComponentMonitor, ComponentMonitor, map[string]any{
		"selector": map[string]any{
			"matchLabels":      map[string]string{LabelName: "chatcluster", LabelInstance: c.Name},
			"matchExpressions": []any{map[string]any{"key": LabelComponent, "operator": "NotIn", "values": []string{ComponentMigrate, ComponentPurge}}},
		},
		"podMetricsEndpoints": []any{endpoint},
	})
	o.Metadata.WithLabels(c.Spec.Telemetry.PodMonitor.Labels)
	return o
}
