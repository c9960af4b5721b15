package workload

// ComponentMonitor is the component of the PodMonitor.
const ComponentMonitor = "monitor"

// PodMonitor has the Prometheus operator read the metrics of every role's pods.
func (c Cluster) PodMonitor() Object {
	label := func(of, as string) map[string]any {
		return map[string]any{"sourceLabels": []string{"__meta_kubernetes_pod_label_app_kubernetes_io_" + of}, "targetLabel": as}
	}
	endpoint := map[string]any{
		"port": "ops", "path": "/metrics",
		// The labels that rules and dashboards go by.
		"relabelings": []any{label("instance", "chatcluster"), label("component", "role")},
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
