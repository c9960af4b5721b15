package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
