package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GatewaySpec is how the gateways run.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.replicas) && has(self.autoscaling))",message="gateway: set replicas or autoscaling, not both: two would fight over the number of pods"
// +kubebuilder:validation:XValidation:rule="!has(self.drainPeriod) || (duration(self.drainPeriod) >= duration('1s') && duration(self.drainPeriod) <= duration('1h'))",message="gateway.drainPeriod must be between 1s and 1h"
type GatewaySpec struct {
	// How many gateways run, 1 to 1000. Absent means 2.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Lets a HorizontalPodAutoscaler choose how many gateways run, in place of replicas.
	// +optional
	Autoscaling *GatewayAutoscaling `json:"autoscaling,omitempty"`
	// Over what time a stopping gateway spreads the closing of its connections, 1s to 1h. Absent means 60s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	DrainPeriod *metav1.Duration `json:"drainPeriod,omitempty"`
	// How many connections a gateway takes, 1 to 1000000; what comes beyond is refused. Absent means 10000.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	MaxConnections *int32 `json:"maxConnections,omitempty"`
	// Web origins that may connect, such as https://chat.example.com, at most 64. Clients that send no origin (apps) always may.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +optional
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// Whether the gateways serve the web client at /app/: Enabled or Disabled. Its pages may connect without an entry in allowedOrigins.
	// People sign in at the issuers of auth that have a webClient; where none has, they paste a token. Absent means Disabled.
	// +kubebuilder:validation:Enum=Enabled;Disabled
	// +optional
	WebClient string `json:"webClient,omitempty"`
	// How clients outside the Kubernetes cluster reach the gateways.
	// +optional
	Exposure ExposureSpec `json:"exposure,omitzero"`
	// What a gateway's container asks for and may use. Absent means requests of 100m CPU and 128Mi, and a limit of 1Gi.
	// +optional
	Resources   *corev1.ResourceRequirements `json:"resources,omitempty"`
	PodSettings `json:",inline"`
}

// ChatSpec is how the chat service runs.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.replicas) && has(self.autoscaling))",message="chat: set replicas or autoscaling, not both: two would fight over the number of pods"
type ChatSpec struct {
	// How many chat pods run, 1 to 1000. Absent means 2.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Lets a HorizontalPodAutoscaler choose how many chat pods run, in place of replicas.
	// +optional
	Autoscaling *Autoscaling `json:"autoscaling,omitempty"`
	// What a chat container asks for and may use. Absent means requests of 100m CPU and 128Mi, and a limit of 1Gi.
	// +optional
	Resources   *corev1.ResourceRequirements `json:"resources,omitempty"`
	PodSettings `json:",inline"`
}

// NotificationsSpec is how the notifications run.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.replicas) && has(self.autoscaling))",message="notifications: set replicas or autoscaling, not both: two would fight over the number of pods"
type NotificationsSpec struct {
	// How many notification pods run, 1 to 1000. Absent means 1.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Lets a HorizontalPodAutoscaler choose how many notification pods run, in place of replicas.
	// +optional
	Autoscaling *ConsumerAutoscaling `json:"autoscaling,omitempty"`
	// What a notification container asks for and may use. Absent means requests of 50m CPU and 64Mi, and a limit of 512Mi.
	// +optional
	Resources   *corev1.ResourceRequirements `json:"resources,omitempty"`
	PodSettings `json:",inline"`
}

// ProjectorSpec is how the projector runs.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.replicas) && has(self.autoscaling))",message="projector: set replicas or autoscaling, not both: two would fight over the number of pods"
type ProjectorSpec struct {
	// How many projector pods run, 1 to 1000. Absent means 1.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Lets a HorizontalPodAutoscaler choose how many projector pods run, in place of replicas.
	// +optional
	Autoscaling *ConsumerAutoscaling `json:"autoscaling,omitempty"`
	// What a projector container asks for and may use. Absent means requests of 50m CPU and 64Mi, and a limit of 512Mi.
	// +optional
	Resources   *corev1.ResourceRequirements `json:"resources,omitempty"`
	PodSettings `json:",inline"`
}

// TelemetrySpec is where traces go, and how metrics are found.
type TelemetrySpec struct {
	// URL of an OpenTelemetry collector (OTLP over gRPC), such as http://collector.observability:4317. Absent means no traces.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^https?://[^\s/]+$`
	// +optional
	OTLPEndpoint string `json:"otlpEndpoint,omitempty"`
	// The share of clients' requests that are traced, "0" to "1", such as "0.01". Absent means 0.01.
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^(0(\.[0-9]+)?|1(\.0+)?)$`
	// +optional
	SampleRatio string `json:"sampleRatio,omitempty"`
	// The PodMonitor with which the Prometheus operator finds the pods' metrics.
	// +optional
	PodMonitor PodMonitorSpec `json:"podMonitor,omitzero"`
}

// PodMonitorSpec is the PodMonitor of a ChatCluster.
type PodMonitorSpec struct {
	// Whether there is one, as soon as the Kubernetes cluster knows PodMonitors. Absent means true.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
	// Labels by which Prometheus selects it, at most 16.
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('app.kubernetes.io/') && !k.startsWith('chatcluster.io/'))",message="podMonitor.labels may not begin with app.kubernetes.io/ or chatcluster.io/: those are the operator's"
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// How often metrics are read, such as "30s". Absent means as often as Prometheus does by default.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(s|m|h))+$`
	// +optional
	Interval string `json:"interval,omitempty"`
}
