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
	// The role that the operator and the pods assume for this cluster's calls of DynamoDB and Pinpoint and for IAM
	// authentication, in this or another account. The operator must allow it to this namespace (--assumable-roles). The role's
	// trust policy should ask for the ExternalId "<operator>/<namespace>".
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$`
	// +optional
	AssumeRoleARN string `json:"assumeRoleARN,omitempty"`
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
	// How capacity is paid for.
	// +optional
	Billing BillingSpec `json:"billing,omitzero"`
	// The ARN of the KMS key that encrypts the tables. Absent means the key that AWS owns. AWS allows four changes in 24 hours.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`
	// +optional
	KMSKeyARN string `json:"kmsKeyARN,omitempty"`
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

// BillingSpec is how the tables' capacity is paid for.
//
// +kubebuilder:validation:XValidation:rule="(has(self.mode) && self.mode == 'Provisioned') == has(self.provisioned)",message="dynamoDB.billing.provisioned belongs to mode Provisioned: set both or neither"
// +kubebuilder:validation:XValidation:rule="!has(self.onDemand) || !has(self.mode) || self.mode == 'OnDemand'",message="dynamoDB.billing.onDemand belongs to mode OnDemand"
type BillingSpec struct {
	// OnDemand or Provisioned. Absent means OnDemand. AWS allows four changes to OnDemand in 24 hours.
	// +kubebuilder:validation:Enum=OnDemand;Provisioned
	// +optional
	Mode string `json:"mode,omitempty"`
	// Limits of each table in mode OnDemand. Absent means none beyond the account's. Indexes are not limited.
	// +optional
	OnDemand OnDemandLimits `json:"onDemand,omitzero"`
	// The capacity of each table and each of its indexes in mode Provisioned. The operator keeps it so: leave it to the operator
	// alone, not to Application Auto Scaling as well.
	// +optional
	Provisioned *ProvisionedCapacity `json:"provisioned,omitempty"`
}

// Modes of billing.
const (
	BillingOnDemand    = "OnDemand"
	BillingProvisioned = "Provisioned"
)

// OnDemandLimits bound what a table may use, in request units a second.
type OnDemandLimits struct {
	// The most read units a second. Absent means no limit.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	// +optional
	MaxReadUnits *int64 `json:"maxReadUnits,omitempty"`
	// The most write units a second. Absent means no limit.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	// +optional
	MaxWriteUnits *int64 `json:"maxWriteUnits,omitempty"`
}

// ProvisionedCapacity is what a table and each of its indexes have, in capacity units.
type ProvisionedCapacity struct {
	// Read units.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	// +required
	ReadUnits int64 `json:"readUnits"`
	// Write units.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	// +required
	WriteUnits int64 `json:"writeUnits"`
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
// +kubebuilder:validation:XValidation:rule="!has(self.authentication) || !has(self.authentication.type) || !(self.authentication.type in ['IAM', 'MTLS']) || !has(self.tls) || self.tls",message="msk.authentication IAM and MTLS need msk.tls"
// +kubebuilder:validation:XValidation:rule="!has(self.caSecret) || !has(self.tls) || self.tls",message="msk.caSecret is for TLS: remove it, or do not set msk.tls to false"
// +kubebuilder:validation:XValidation:rule="!has(self.profile) || self.profile != 'Express' || !has(self.replicationFactor) || self.replicationFactor == 3",message="msk.profile Express keeps three copies of each partition: leave msk.replicationFactor out, or set it to 3"
// +kubebuilder:validation:XValidation:rule="!has(self.profile) || self.profile != 'Serverless' || !has(self.replicationFactor)",message="msk.profile Serverless has no msk.replicationFactor: leave it out"
// +kubebuilder:validation:XValidation:rule="!has(self.profile) || self.profile != 'Serverless' || (has(self.authentication) && has(self.authentication.type) && self.authentication.type == 'IAM')",message="msk.profile Serverless takes msk.authentication.type IAM alone"
// +kubebuilder:validation:XValidation:rule="!has(self.aclPrincipals) || (has(self.authentication) && has(self.authentication.type) && self.authentication.type in ['SCRAM', 'MTLS'])",message="msk.aclPrincipals are for msk.authentication SCRAM and MTLS: with IAM, policies authorize, and without authentication nobody can be told apart"
// +kubebuilder:validation:XValidation:rule="!has(self.topicConfigs) || self.topicConfigs.all(k, !(k in ['cleanup.policy', 'retention.ms']))",message="msk.topicConfigs: cleanup.policy is the operator's, and retention.ms is msk.retention"
// +kubebuilder:validation:XValidation:rule="!has(self.topicConfigs) || !has(self.profile) || self.profile != 'Express' || self.topicConfigs.all(k, k in ['compression.type', 'delete.retention.ms', 'max.compaction.lag.ms', 'max.message.bytes', 'message.timestamp.after.max.ms', 'message.timestamp.before.max.ms', 'message.timestamp.type', 'min.compaction.lag.ms', 'retention.bytes'])",message="msk.topicConfigs: msk.profile Express lets be set compression.type, delete.retention.ms, max.compaction.lag.ms, max.message.bytes, message.timestamp.after.max.ms, message.timestamp.before.max.ms, message.timestamp.type, min.compaction.lag.ms and retention.bytes"
// +kubebuilder:validation:XValidation:rule="!has(self.topicConfigs) || !has(self.profile) || self.profile != 'Serverless' || self.topicConfigs.all(k, k in ['compression.type', 'max.message.bytes', 'message.timestamp.difference.max.ms', 'message.timestamp.type', 'retention.bytes'])",message="msk.topicConfigs: msk.profile Serverless lets be set compression.type, max.message.bytes, message.timestamp.difference.max.ms, message.timestamp.type and retention.bytes"
// +kubebuilder:validation:XValidation:rule="!has(self.topicConfigs) || !has(self.profile) || self.profile != 'Serverless' || !('max.message.bytes' in self.topicConfigs) || !self.topicConfigs['max.message.bytes'].matches('^[0-9]{1,9}$') || int(self.topicConfigs['max.message.bytes']) <= 8388608",message="msk.topicConfigs: msk.profile Serverless takes max.message.bytes up to 8388608"
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
	// The Secret with the certificate authorities that the brokers' certificates are checked against, PEM. Absent means the
	// public ones, which MSK's own certificates come from. Absent key means "ca.crt".
	// +optional
	CASecret SecretKey `json:"caSecret,omitzero"`
	// How the operator and the pods log in.
	// +optional
	Authentication KafkaAuthentication `json:"authentication,omitzero"`
	// What kind of cluster it is, which decides what of a topic may be set. Absent means Provisioned: MSK Standard brokers, or
	// any other Kafka.
	// +kubebuilder:validation:Enum=Provisioned;Express;Serverless
	// +optional
	Profile string `json:"profile,omitempty"`
	// Configurations of the topics, beside msk.retention, such as compression.type. Those that are not named here are left
	// alone; one that is removed here stays as it is.
	// +kubebuilder:validation:MaxProperties=16
	// +optional
	TopicConfigs map[string]TopicConfigValue `json:"topicConfigs,omitempty"`
	// Principals that the operator gives the rights that the pods need, by Kafka ACLs on the prefix, such as User:chatd or
	// "User:CN=chatd". Absent means that others see to that. One that is removed here keeps its rights.
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=6
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^User:[^*].*$`
	// +optional
	ACLPrincipals []string `json:"aclPrincipals,omitempty"`
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

// TopicConfigValue is the value of a topic's configuration.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
type TopicConfigValue string

// Profiles of Kafka clusters.
const (
	ProfileProvisioned = "Provisioned"
	ProfileExpress     = "Express"
	ProfileServerless  = "Serverless"
)

// KafkaAuthentication is how one logs in to the brokers.
//
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type == 'SCRAM') == has(self.scram)",message="msk.authentication.scram belongs to type SCRAM: set both or neither"
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type == 'MTLS') == has(self.mtls)",message="msk.authentication.mtls belongs to type MTLS: set both or neither"
type KafkaAuthentication struct {
	// None, IAM (the pods' own AWS identity, or aws.assumeRoleARN), SCRAM or MTLS. Absent means None.
	// +kubebuilder:validation:Enum=None;IAM;SCRAM;MTLS
	// +optional
	Type string `json:"type,omitempty"`
	// The user for type SCRAM.
	// +optional
	SCRAM *KafkaSCRAM `json:"scram,omitempty"`
	// The certificate for type MTLS.
	// +optional
	MTLS *KafkaMTLS `json:"mtls,omitempty"`
}

// Types of authentication.
const (
	AuthenticationNone     = "None"
	AuthenticationIAM      = "IAM"
	AuthenticationSCRAM    = "SCRAM"
	AuthenticationMTLS     = "MTLS"
	AuthenticationPassword = "Password"
)

// KafkaSCRAM is a user of the brokers.
type KafkaSCRAM struct {
	// The user's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +required
	Username string `json:"username"`
	// The Secret with the user's password. A changed password is used from the next connection on.
	// +required
	PasswordSecret SecretKey `json:"passwordSecret"`
	// SCRAM-SHA-512, which is what MSK has, or SCRAM-SHA-256. Absent means SCRAM-SHA-512.
	// +kubebuilder:validation:Enum=SCRAM-SHA-512;SCRAM-SHA-256
	// +optional
	Mechanism string `json:"mechanism,omitempty"`
}

// KafkaMTLS is a client certificate.
type KafkaMTLS struct {
	// A Secret of type kubernetes.io/tls in this namespace: tls.crt and tls.key. A renewed certificate is used from the next
	// connection on.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	SecretName string `json:"secretName"`
}

// AuroraSpec is the read model's PostgreSQL database. The database and its user must exist; the schema is migrated by the operator.
//
// +kubebuilder:validation:XValidation:rule="(has(self.authentication) && self.authentication == 'IAM') != has(self.passwordSecret)",message="aurora.passwordSecret is needed with aurora.authentication Password, and has no place with IAM"
// +kubebuilder:validation:XValidation:rule="!has(self.authentication) || self.authentication != 'IAM' || !has(self.sslMode) || self.sslMode != 'disable'",message="aurora.authentication IAM needs TLS: aurora.sslMode cannot be disable"
// +kubebuilder:validation:XValidation:rule="!has(self.caSecret) || (has(self.sslMode) && self.sslMode == 'verify-full')",message="aurora.caSecret is for aurora.sslMode verify-full"
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
	// Password, or IAM: the pods log in with tokens of their own AWS identity, or of aws.assumeRoleARN. Absent means Password.
	// +kubebuilder:validation:Enum=Password;IAM
	// +optional
	Authentication string `json:"authentication,omitempty"`
	// The Secret with the role's password. A changed password is used from the next connection on.
	// +optional
	PasswordSecret SecretKey `json:"passwordSecret,omitzero"`
	// The Secret with the certificate authorities for sslMode verify-full, PEM, such as Amazon RDS's global bundle. Absent means
	// the public ones, which RDS's certificates do not come from. Absent key means "ca.crt".
	// +optional
	CASecret SecretKey `json:"caSecret,omitzero"`
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
	// Automatic, or Manual: what changes the schema waits until the ChatCluster is annotated with
	// chatcluster.io/approve-migration=<image>. status.schema.pending lists what it would do. Absent means Automatic.
	// +kubebuilder:validation:Enum=Automatic;Manual
	// +optional
	Approval string `json:"approval,omitempty"`
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

// Values of migrations.approval.
const (
	ApprovalAutomatic = "Automatic"
	ApprovalManual    = "Manual"
)

// ElastiCacheSpec is the Redis cache.
//
// +kubebuilder:validation:XValidation:rule="!has(self.authentication) || self.authentication != 'IAM' || (has(self.username) && has(self.cacheName) && !has(self.passwordSecret) && (!has(self.tls) || self.tls))",message="elastiCache.authentication IAM needs username, cacheName and TLS, and has no passwordSecret"
// +kubebuilder:validation:XValidation:rule="!has(self.caSecret) || !has(self.tls) || self.tls",message="elastiCache.caSecret is for TLS: remove it, or do not set elastiCache.tls to false"
// +kubebuilder:validation:XValidation:rule="!has(self.serverless) || !self.serverless || (has(self.clusterMode) && self.clusterMode && (!has(self.tls) || self.tls))",message="ElastiCache Serverless is always sharded and always TLS: set elastiCache.clusterMode, and leave elastiCache.tls out"
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
	// The Secret with the certificate authorities that the cache's certificate is checked against, PEM. Absent means the public
	// ones, which ElastiCache's certificates come from. Absent key means "ca.crt".
	// +optional
	CASecret SecretKey `json:"caSecret,omitzero"`
	// Password (none where passwordSecret is absent), or IAM: the operator and the pods log in with tokens of their own AWS
	// identity, or of aws.assumeRoleARN. Absent means Password.
	// +kubebuilder:validation:Enum=Password;IAM
	// +optional
	Authentication string `json:"authentication,omitempty"`
	// The replication group's or serverless cache's name, which IAM's tokens are made for.
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9-]*$`
	// +optional
	CacheName string `json:"cacheName,omitempty"`
	// Whether it is ElastiCache Serverless, which IAM's tokens must say.
	// +optional
	Serverless bool `json:"serverless,omitempty"`
	// The user to log in as. Absent means the default user.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Username string `json:"username,omitempty"`
	// The Secret with the user's password or the cache's AUTH token. Absent means none. A changed one is used from the next
	// connection on.
	// +optional
	PasswordSecret *SecretKey `json:"passwordSecret,omitempty"`
}

// PinpointSpec is how pushes are sent.
//
// +kubebuilder:validation:XValidation:rule="!has(self.applicationID) || !has(self.channels)",message="pinpoint.channels belong to the ChatCluster's own application: with pinpoint.applicationID, whoever made that sees to them"
// +kubebuilder:validation:XValidation:rule="!has(self.pushDelay) || (duration(self.pushDelay) >= duration('1s') && duration(self.pushDelay) <= duration('1h'))",message="pinpoint.pushDelay must be between 1s and 1h"
type PinpointSpec struct {
	// How long a device has to confirm a message before it gets a push, 1s to 1h. Absent means 10s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	PushDelay *metav1.Duration `json:"pushDelay,omitempty"`
	// An application that is not this ChatCluster's own, such as another's: pushes go through it, and it is neither tagged nor
	// given channels nor deleted. Absent means one of its own. Accounts have about 100 for each Region.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]+$`
	// +optional
	ApplicationID string `json:"applicationID,omitempty"`
	// The platforms that the application pushes to. A platform that is removed here is removed there, if the operator made it.
	// +optional
	Channels ChannelsSpec `json:"channels,omitzero"`
}

// SecretKey is a key of a Secret in the same namespace.
type SecretKey struct {
	// The Secret's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// The key in it. Absent means "password", unless said otherwise.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	Key string `json:"key,omitempty"`
}
