package v1alpha1

// ExposureSpec is how clients outside the Kubernetes cluster reach the gateways: one way at most. With none they are reached
// inside it alone.
//
// +kubebuilder:validation:XValidation:rule="[has(self.loadBalancer), has(self.ingress), has(self.httpRoute)].filter(x, x).size() <= 1",message="gateway.exposure: set one of loadBalancer, ingress and httpRoute"
type ExposureSpec struct {
	// A Service of type LoadBalancer: on AWS a Network Load Balancer.
	// +optional
	LoadBalancer *LoadBalancerExposure `json:"loadBalancer,omitempty"`
	// An Ingress.
	// +optional
	Ingress *IngressExposure `json:"ingress,omitempty"`
	// An HTTPRoute of the Gateway API.
	// +optional
	HTTPRoute *HTTPRouteExposure `json:"httpRoute,omitempty"`
}

// LoadBalancerExposure is a Service of type LoadBalancer.
type LoadBalancerExposure struct {
	// Whether it is reached from the internet or from the VPC alone: internet-facing or internal. Absent means internal.
	// +kubebuilder:validation:Enum=internet-facing;internal
	// +optional
	Scheme string `json:"scheme,omitempty"`
	// The loadBalancerClass, such as service.k8s.aws/nlb. Absent means the Kubernetes cluster's default. Kubernetes does not let
	// it change.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Class string `json:"class,omitempty"`
	// The ARN of the ACM certificate with which the load balancer ends TLS, on port 443. Absent means port 80 and no TLS.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^arn:[^\s]+$`
	// +optional
	CertificateARN string `json:"certificateARN,omitempty"`
	// The name that clients use, such as chat.example.com, where DNS points to the load balancer. Absent means the load
	// balancer's own.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	// +optional
	Host string `json:"host,omitempty"`
	// CIDRs of clients that are let in, at most 64. Absent means all.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	// +optional
	SourceRanges []string `json:"sourceRanges,omitempty"`
	// Annotations of the Service, at most 32. They go before the operator's own, which are for the AWS Load Balancer Controller.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('chatcluster.io/'))",message="annotations may not begin with chatcluster.io/: those are the operator's"
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// IngressExposure is an Ingress.
type IngressExposure struct {
	// The IngressClass. Absent means the Kubernetes cluster's default.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ClassName string `json:"className,omitempty"`
	// The name that clients use, such as chat.example.com.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	// +required
	Host string `json:"host"`
	// The Secret with the host's certificate, of type kubernetes.io/tls. Absent means that TLS ends elsewhere, or nowhere.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	TLSSecretName string `json:"tlsSecretName,omitempty"`
	// Annotations of the Ingress, at most 32. They go before the operator's own, which let WebSockets be idle behind NGINX and
	// Application Load Balancers.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('chatcluster.io/'))",message="annotations may not begin with chatcluster.io/: those are the operator's"
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// HTTPRouteExposure is an HTTPRoute.
type HTTPRouteExposure struct {
	// The Gateways that it is attached to, 1 to 8.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +required
	ParentRefs []GatewayReference `json:"parentRefs"`
	// The names that clients use, such as chat.example.com, 1 to 16. They are expected to be served over TLS.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	// +required
	Hostnames []string `json:"hostnames"`
	// Annotations of the HTTPRoute, at most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('chatcluster.io/'))",message="annotations may not begin with chatcluster.io/: those are the operator's"
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// GatewayReference is a Gateway of the Gateway API, or a listener of one.
type GatewayReference struct {
	// The Gateway's namespace. Absent means the ChatCluster's.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// The Gateway's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// The listener's name. Absent means all that fit.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	SectionName string `json:"sectionName,omitempty"`
}
