package v1alpha1

// InternalTLSSpec is how gateways and chat pods make sure of each other.
//
// +kubebuilder:validation:XValidation:rule="!has(self.issuerRef) || !has(self.enabled) || self.enabled",message="internalTLS.issuerRef has no use while internalTLS.enabled is false"
type InternalTLSSpec struct {
	// Whether gateways and chat pods talk over mutual TLS. Absent means true. Who changes it in a running cluster interrupts the
	// chat for the time of the rollout: nothing is lost, but pods of before and after do not understand each other.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
	// The cert-manager issuer of the certificates; it must be one that gives its CA. Absent means that the operator makes and
	// renews them itself, with a CA of this ChatCluster's own.
	// +optional
	IssuerRef *IssuerReference `json:"issuerRef,omitempty"`
}

// IssuerReference is an issuer of cert-manager.
type IssuerReference struct {
	// The issuer's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// The issuer's kind: Issuer, ClusterIssuer, or that of an external issuer. Absent means Issuer.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Kind string `json:"kind,omitempty"`
	// The issuer's API group. Absent means cert-manager.io.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Group string `json:"group,omitempty"`
}
