// Package v1alpha1 is the Kubernetes API of ChatCluster: what users write and what the operator reports.
//
// The operator never writes into a spec, and no default is set inside a list: what a user leaves out stays out, and the
// operator's effective spec fills it in at each reconcile. So a GitOps tool finds what it applied.
//
// Rules that can be checked without a cluster are CEL rules or schema here; rules about what must not change stand on the
// spec as a whole, so that removing a field does not evade them. The deepcopy functions, the apply configurations and the
// CRD are generated from this package (make generate, make manifests).
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +groupName=chatcluster.io
package v1alpha1
