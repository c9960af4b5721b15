package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AdminSpec is how the admin API runs, which administrators, moderators and auditors call: as pods of its own behind a Service of its own,
// which nothing exposes. It lets in tokens with a scope of its own alone.
type AdminSpec struct {
	// How many pods run, 1 to 100. Absent means 1.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Labels of the namespaces whose pods may call it, beside those of this one; an empty selector is all of them. Absent means this one alone.
	// NetworkPolicies see to it: with network.policies false everyone may.
	// +optional
	AllowedNamespaces *metav1.LabelSelector `json:"allowedNamespaces,omitempty"`
	// Web origins that may call it, such as https://desk.example.com, at most 64. Clients that send no origin always may.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +optional
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// What a container asks for and may use. Absent means requests of 50m CPU and 64Mi, and a limit of 512Mi.
	// +optional
	Resources   *corev1.ResourceRequirements `json:"resources,omitempty"`
	PodSettings `json:",inline"`
}
