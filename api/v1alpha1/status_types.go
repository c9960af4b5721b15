package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ChatClusterStatus is what the operator found and did. Everything in it can be observed again: it is never the only
// place that knows something.
type ChatClusterStatus struct {
	// The generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Ready is what to wait for. Beside it one condition per concern, and Reconciling and Stalled while they are true.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Where clients connect to.
	// +optional
	Endpoints EndpointsStatus `json:"endpoints,omitzero"`
	// The image that serves. It follows spec.image once the gates let it.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Image string `json:"image,omitempty"`
	// Gateways that are ready, of those wanted, such as "2/2".
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Gateway string `json:"gateway,omitempty"`
	// The DynamoDB tables.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Tables []TableStatus `json:"tables,omitempty"`
	// The Kafka topics.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Topics []TopicStatus `json:"topics,omitempty"`
	// The read model's schema.
	// +optional
	Schema SchemaStatus `json:"schema,omitzero"`
	// The push application.
	// +optional
	Push PushStatus `json:"push,omitzero"`
	// The Deployments.
	// +listType=map
	// +listMapKey=role
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Workloads []WorkloadStatus `json:"workloads,omitempty"`
}

// EndpointsStatus is where clients connect to.
type EndpointsStatus struct {
	// The gateway's WebSocket URL inside the Kubernetes cluster.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Gateway string `json:"gateway,omitempty"`
}

// TableStatus is what a DynamoDB table is like.
type TableStatus struct {
	// The table's full name.
	// +kubebuilder:validation:MaxLength=255
	// +required
	Name string `json:"name"`
	// DynamoDB's TableStatus, or MISSING.
	// +kubebuilder:validation:MaxLength=64
	// +required
	State string `json:"state"`
	// The table's ARN.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	ARN string `json:"arn,omitempty"`
	// What this endpoint does not do although the spec asks for it, such as PointInTimeRecovery. Only with aws.endpoints.
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=64
	// +optional
	Unsupported []string `json:"unsupported,omitempty"`
}

// TopicStatus is what a Kafka topic is like.
type TopicStatus struct {
	// The topic's full name.
	// +kubebuilder:validation:MaxLength=249
	// +required
	Name string `json:"name"`
	// How many partitions it has; 0 while it does not exist.
	// +required
	Partitions int32 `json:"partitions"`
}

// SchemaStatus is the read model's schema as the last migration left it.
type SchemaStatus struct {
	// The version that the database has. Absent until a migration has told.
	// +optional
	Current *int64 `json:"current,omitempty"`
	// The version that the image wants.
	// +optional
	Target *int64 `json:"target,omitempty"`
	// The image whose migration is spoken of.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Image string `json:"image,omitempty"`
	// The Job that migrated or migrates.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Job string `json:"job,omitempty"`
	// Why the last attempt failed. Absent when it did not.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	LastError string `json:"lastError,omitempty"`
}

// PushStatus is the push application.
type PushStatus struct {
	// The id of the Pinpoint application.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	ApplicationID string `json:"applicationID,omitempty"`
}

// WorkloadStatus is how a Deployment is getting on.
type WorkloadStatus struct {
	// gateway, chat, notify or project.
	// +kubebuilder:validation:MaxLength=32
	// +required
	Role string `json:"role"`
	// Pods that are wanted.
	// +required
	Replicas int32 `json:"replicas"`
	// Pods that are ready.
	// +required
	Ready int32 `json:"ready"`
	// Pods of the newest template.
	// +required
	Updated int32 `json:"updated"`
}
