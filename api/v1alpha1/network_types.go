package v1alpha1

import networkingv1 "k8s.io/api/networking/v1"

// NetworkSpec is who may talk to whom inside the Kubernetes cluster.
type NetworkSpec struct {
	// Whether NetworkPolicies admit what the design needs and nothing else: clients to gateways, gateways to chat pods, and each
	// role to the services that it uses, DNS and the Pod Identity agent. The instance metadata service is not admitted: use Pod
	// Identity, IRSA or aws.credentials. Services outside are admitted by the ports that the spec names; where brokers advertise
	// others, or a container that podTemplate adds needs more, add a NetworkPolicy: they add up. Absent means true. A network
	// that does not know NetworkPolicies ignores them.
	// +optional
	Policies *bool `json:"policies,omitempty"`
	// Who may connect to the gateways, at most 16. Absent means everyone.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +optional
	GatewayFrom []networkingv1.NetworkPolicyPeer `json:"gatewayFrom,omitempty"`
	// Who may read the pods' metrics, at most 16. Absent means every pod of the Kubernetes cluster.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +optional
	MetricsFrom []networkingv1.NetworkPolicyPeer `json:"metricsFrom,omitempty"`
}
