package workload

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
)

// Kinds that a Kubernetes cluster may not know. They are applied without their Go types: the operator depends on no other.
var (
	HTTPRouteKind   = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}
	PodMonitorKind  = schema.GroupVersionKind{Group: "monitoring.coreos.com", Version: "v1", Kind: "PodMonitor"}
	CertificateKind = schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}
)

// Object is an object of such a kind.
type Object struct {
	APIVersion string                                 `json:"apiVersion"`
	Kind       string                                 `json:"kind"`
	Metadata   *metav1ac.ObjectMetaApplyConfiguration `json:"metadata"`
	Spec       map[string]any                         `json:"spec"`
}

func (c Cluster) object(kind schema.GroupVersionKind, suffix, component string, spec map[string]any) Object {
	meta := (&metav1ac.ObjectMetaApplyConfiguration{}).
		WithNamespace(c.Namespace).WithName(c.ChildName(suffix)).WithLabels(c.Labels(component)).WithOwnerReferences(c.owner())
	return Object{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind, Metadata: meta, Spec: spec}
}
