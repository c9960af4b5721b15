package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ChatClusterStatus is what the operator found and did. Everything in it can be observed again, but for the tables' ids:
// without them a table that was replaced is taken for the one that was there.
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
	// The cache.
	// +optional
	Cache CacheStatus `json:"cache,omitzero"`
	// What would change, while the annotation chatcluster.io/plan is "true".
	// +optional
	Plan *PlanStatus `json:"plan,omitempty"`
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
	// The admin API's URL inside the Kubernetes cluster.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Admin string `json:"admin,omitempty"`
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
	// DynamoDB's id of the table: another table of the same name has another. Absent where an engine stands in for DynamoDB.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ID string `json:"id,omitempty"`
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
	// The migrations that the image brings and the database has not had yet, as far as is known.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=128
	// +optional
	Pending []string `json:"pending,omitempty"`
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
	// The application's channels that the spec asks for.
	// +listType=map
	// +listMapKey=platform
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Channels []ChannelStatus `json:"channels,omitempty"`
}

// ChannelStatus is how a platform is reached.
type ChannelStatus struct {
	// APNS, APNS_SANDBOX, APNS_VOIP, APNS_VOIP_SANDBOX, GCM or ADM.
	// +kubebuilder:validation:MaxLength=32
	// +required
	Platform string `json:"platform"`
	// Whether pushes go out. Somebody, or AWS after credentials were refused, may have disabled the channel.
	// +required
	Enabled bool `json:"enabled"`
}

// CacheStatus is what the cache says of itself.
type CacheStatus struct {
	// Its version, such as 7.1.0.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Version string `json:"version,omitempty"`
	// Whether it is sharded.
	// +optional
	ClusterMode bool `json:"clusterMode,omitempty"`
}

// PlanStatus is what would change.
type PlanStatus struct {
	// The generation of the spec that was planned.
	// +required
	ObservedGeneration int64 `json:"observedGeneration"`
	// What would be done, in order, and what stands in the way. What follows from a change that is not made is not in it.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=512
	// +optional
	Changes []string `json:"changes,omitempty"`
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
