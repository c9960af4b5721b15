package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AWSSpec is where the AWS services are and how they are reached.
type AWSSpec struct {
	// The Region, such as eu-central-1. It cannot be changed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-z0-9-]+$`
	// +required
	Region string `json:"region"`
	// Tags for what the operator creates on AWS, at most 40. Keys that start with "aws:" or "chatcluster.io/" are not
	// allowed. A tag removed here is not removed there.
	// +listType=map
	// +listMapKey=key
	// +kubebuilder:validation:MaxItems=40
	// +optional
	Tags []Tag `json:"tags,omitempty"`
	// Base URLs that replace the Region's own, such as those of a local engine. The operator must allow it
	// (--allow-aws-endpoints).
	// +optional
	Endpoints AWSEndpoints `json:"endpoints,omitzero"`
	// Credentials for places without Pod Identity or IRSA, for the pods and for the operator's own calls for this cluster.
	// +optional
	Credentials AWSCredentials `json:"credentials,omitzero"`
}

// Tag is a tag of a resource on AWS.
type Tag struct {
	// The tag's key, at most 128 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('aws:') && !self.startsWith('chatcluster.io/')",message="tag keys that start with 'aws:' or 'chatcluster.io/' are reserved"
	// +required
	Key string `json:"key"`
	// The tag's value, at most 256 characters. Absent means an empty one.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Value string `json:"value,omitempty"`
}

// AWSEndpoints are base URLs by service.
type AWSEndpoints struct {
	// Base URL of DynamoDB, such as http://localhost:8000.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^https?://[^\s/]+(/[^\s]*)?$`
	// +optional
	DynamoDB string `json:"dynamoDB,omitempty"`
	// Base URL of Pinpoint.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^https?://[^\s/]+(/[^\s]*)?$`
	// +optional
	Pinpoint string `json:"pinpoint,omitempty"`
}

// AWSCredentials name a Secret with credentials.
type AWSCredentials struct {
	// A Secret in this namespace whose key "credentials" holds a file in the AWS shared-credentials format. Its default
	// profile is used. Absent means the default chain: Pod Identity, IRSA, the node's role.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	SecretName string `json:"secretName,omitempty"`
}

// DynamoDBSpec is how the tables are.
//
// +kubebuilder:validation:XValidation:rule="!has(self.hotRetention) || duration(self.hotRetention) >= duration('24h')",message="dynamoDB.hotRetention must be at least 24h: the projector and resuming devices rely on it"
// +kubebuilder:validation:XValidation:rule="!has(self.hotRetention) || duration(self.hotRetention) <= duration('87600h')",message="dynamoDB.hotRetention must be at most 87600h (ten years)"
type DynamoDBSpec struct {
	// What the tables' names start with; they are unique per account and Region. Absent means "<namespace>.<name>.".
	// It cannot be changed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_.-]+$`
	// +optional
	TablePrefix string `json:"tablePrefix,omitempty"`
	// Continuous backups.
	// +optional
	PointInTimeRecovery PointInTimeRecovery `json:"pointInTimeRecovery,omitzero"`
	// Whether the tables refuse to be deleted, even by their owner. Absent means true. With deletionPolicy Delete the
	// operator lifts it itself.
	// +optional
	DeletionProtection *bool `json:"deletionProtection,omitempty"`
	// How long messages stay in DynamoDB, at least 24h; older history is read from the read model. A Go duration such as
	// "720h". Absent means 720h (30 days).
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	HotRetention *metav1.Duration `json:"hotRetention,omitempty"`
}

// PointInTimeRecovery is DynamoDB's continuous backup.
type PointInTimeRecovery struct {
	// For how many days a table can be restored, 1 to 35; 0 turns the backups off. Absent means 35.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=35
	// +optional
	Days *int32 `json:"days,omitempty"`
}

// MSKSpec is the Kafka cluster and how the topics in it are.
//
// +kubebuilder:validation:XValidation:rule="!has(self.retention) || (duration(self.retention) >= duration('1h') && duration(self.retention) <= duration('87600h'))",message="msk.retention must be between 1h and 87600h"
type MSKSpec struct {
	// Brokers to start from, host:port, 1 to 32.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=320
	// +kubebuilder:validation:items:Pattern=`^[^\s:/]+:[0-9]{1,5}$`
	// +required
	BootstrapServers []string `json:"bootstrapServers"`
	// Whether the brokers are reached over TLS. Absent means true.
	// +optional
	TLS *bool `json:"tls,omitempty"`
	// What the topics' names start with. Absent means "<namespace>.<name>.". It cannot be changed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_.-]+$`
	// +optional
	TopicPrefix string `json:"topicPrefix,omitempty"`
	// Partitions of each main topic, 1 to 10000. They only grow. Absent means 16 for a new topic.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	// +optional
	Partitions *int32 `json:"partitions,omitempty"`
	// Copies of each partition of a new topic, 1 to 7. Absent means the brokers' default.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=7
	// +optional
	ReplicationFactor *int32 `json:"replicationFactor,omitempty"`
	// How long records stay in the topics, 1h to 87600h: how long the read model and the notifications may be down. A Go
	// duration such as "168h". Absent means 168h for a new topic, and what it is for one that exists.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	Retention *metav1.Duration `json:"retention,omitempty"`
}

// AuroraSpec is the read model's PostgreSQL database. The database and its user must exist; the schema is migrated by the operator.
type AuroraSpec struct {
	// The writer's host (the cluster endpoint, not a proxy: migrations take session locks).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[^\s/:@]+$`
	// +required
	Host string `json:"host"`
	// The host that serves inbox and history reads (the reader endpoint). Absent means host.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[^\s/:@]+$`
	// +optional
	ReaderHost string `json:"readerHost,omitempty"`
	// The port of both. Absent means 5432.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port *int32 `json:"port,omitempty"`
	// The database's name. It cannot be changed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[^\s/?#]+$`
	// +required
	Database string `json:"database"`
	// The role that the pods and the migration log in as; it owns the schema.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Username string `json:"username"`
	// The Secret with the role's password.
	// +required
	PasswordSecret SecretKey `json:"passwordSecret"`
	// libpq's sslmode. disable sends passwords and data in the clear; require encrypts without checking who answers;
	// verify-full checks the certificate, too. Absent means require.
	// +kubebuilder:validation:Enum=disable;require;verify-full
	// +optional
	SSLMode string `json:"sslMode,omitempty"`
	// How long the read model keeps messages, by whole months, at least dynamoDB.hotRetention; a month whose messages are all older
	// is dropped with them. Absent means for ever.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	ReadRetention *metav1.Duration `json:"readRetention,omitempty"`
	// How schema migrations run.
	// +optional
	Migrations MigrationsSpec `json:"migrations,omitzero"`
}

// MigrationsSpec is how schema migrations run.
//
// +kubebuilder:validation:XValidation:rule="!has(self.timeout) || (duration(self.timeout) >= duration('10s') && duration(self.timeout) <= duration('24h'))",message="aurora.migrations.timeout must be between 10s and 24h"
type MigrationsSpec struct {
	// How long a migration may take with all its attempts, 10s to 24h. Absent means 10m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// How often a failed migration is tried again before it counts as failed, 0 to 20. Absent means 3.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=20
	// +optional
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
}

// ElastiCacheSpec is the Redis cache.
type ElastiCacheSpec struct {
	// Addresses, host:port, 1 to 32: one for a single server, several or the configuration endpoint in cluster mode.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=320
	// +kubebuilder:validation:items:Pattern=`^[^\s:/]+:[0-9]{1,5}$`
	// +required
	Addresses []string `json:"addresses"`
	// Whether the cache is sharded (Redis Cluster). ElastiCache Serverless always is.
	// +optional
	ClusterMode bool `json:"clusterMode,omitempty"`
	// Whether the cache is reached over TLS. Absent means true.
	// +optional
	TLS *bool `json:"tls,omitempty"`
	// The user to log in as. Absent means the default user.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Username string `json:"username,omitempty"`
	// The Secret with the user's password. Absent means none.
	// +optional
	PasswordSecret *SecretKey `json:"passwordSecret,omitempty"`
}

// PinpointSpec is how pushes are sent.
//
// +kubebuilder:validation:XValidation:rule="!has(self.pushDelay) || (duration(self.pushDelay) >= duration('1s') && duration(self.pushDelay) <= duration('1h'))",message="pinpoint.pushDelay must be between 1s and 1h"
type PinpointSpec struct {
	// How long a device has to confirm a message before it gets a push, 1s to 1h. Absent means 10s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	PushDelay *metav1.Duration `json:"pushDelay,omitempty"`
}

// SecretKey is a key of a Secret in the same namespace.
type SecretKey struct {
	// The Secret's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// The key in it. Absent means "password".
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	Key string `json:"key,omitempty"`
}
