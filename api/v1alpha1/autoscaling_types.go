package v1alpha1

// Autoscaling lets a HorizontalPodAutoscaler choose how many pods run. Without a target it goes by CPU.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || self.minReplicas <= self.maxReplicas",message="autoscaling.minReplicas must be at most autoscaling.maxReplicas"
type Autoscaling struct {
	// Fewest pods, 1 to 1000. Absent means as many as without autoscaling, maxReplicas at most.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// Most pods, 1 to 1000.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +required
	MaxReplicas int32 `json:"maxReplicas"`
	// The share of the CPU it requests that a pod uses on average, in percent, 1 to 1000. Absent means 70 where there is no other
	// target. It needs the Kubernetes cluster's resource metrics (metrics-server).
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	TargetCPUPercent *int32 `json:"targetCPUPercent,omitempty"`
}

// GatewayAutoscaling is how many gateways run.
type GatewayAutoscaling struct {
	Autoscaling `json:",inline"`
	// How many connections a gateway has on average, 1 to 1000000; well below gateway.maxConnections. It needs an adapter that
	// serves the pods' metric chatcluster_gateway_connections as a custom metric.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	TargetConnections *int32 `json:"targetConnections,omitempty"`
}

// ConsumerAutoscaling is how many pods of a consumer run. More than msk.partitions have nothing to do.
type ConsumerAutoscaling struct {
	Autoscaling `json:",inline"`
	// How many records a pod is behind on average, 1 to 1000000000. It needs an adapter that serves the pods' metric
	// chatcluster_consumer_lag, summed up by pod, as a custom metric.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000
	// +optional
	TargetLag *int64 `json:"targetLag,omitempty"`
}
