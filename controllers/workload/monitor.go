package workload

// ComponentMonitor is the component of the PodMonitor.
const ComponentMonitor = "monitor"

// PodMonitor has the Prometheus operator read the metrics of every role's pods.
func (c Cluster) PodMonitor() Object {
	endpoint := map[string]any{"port": "ops", "path": "/metrics"}
	if i := c.Spec.Telemetry.PodMonitor.Interval; i != "" {
		endpoint["interval"] = i
	}
	o := c.object(PodMonitorKind, ComponentMonitor, ComponentMonitor, map[string]any{
		"selector": map[string]any{
			"matchLabels":      map[string]string{LabelName: "chatcluster", LabelInstance: c.Name},
			"matchExpressions": []any{map[string]any{"key": LabelComponent, "operator": "NotIn", "values": []string{ComponentMigrate}}},
		},
		"podTargetLabels":     []string{LabelInstance, LabelComponent},
		"podMetricsEndpoints": []any{endpoint},
	})
	o.Metadata.WithLabels(c.Spec.Telemetry.PodMonitor.Labels)
	return o
}
