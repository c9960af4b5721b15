package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ChatCluster is one chat platform: its gateways, chat service, notifications and projector as pods in this namespace; its
// tables, topics, read model and push application on the cloud's side.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=chatclusters,singular=chatcluster,shortName=chc,categories=all,scope=Namespaced
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Gateway",type=string,JSONPath=`.status.gateway`,description="Gateways that are ready, of those wanted"
// +kubebuilder:printcolumn:name="Schema",type=string,JSONPath=`.status.schema.current`,description="Version of the read model's schema"
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.status.image`,description="The image that serves"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.endpoints.gateway`,priority=1
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be at most 40 characters, start with a letter, and hold only lower-case letters, digits and '-': Services are named after it"
type ChatCluster struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What is wanted. The operator reads it and never writes it.
	// +required
	Spec ChatClusterSpec `json:"spec"`
	// What the operator found and did.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status ChatClusterStatus `json:"status,omitzero"`
}

// ChatClusterList is a list of ChatClusters.
//
// +kubebuilder:object:root=true
type ChatClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ChatCluster `json:"items"`
}

// DeletionPolicy says what becomes of the data when the ChatCluster is deleted.
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

const (
	// DeletionRetain leaves tables, topics, the read model and the push application where they are.
	DeletionRetain DeletionPolicy = "Retain"
	// DeletionDelete deletes tables, topics and the push application. The read model's database is left.
	DeletionDelete DeletionPolicy = "Delete"
)

// ChatClusterSpec is what is wanted of a ChatCluster.
//
// +kubebuilder:validation:XValidation:rule="self.aws.region == oldSelf.aws.region",message="aws.region cannot be changed: the data would stay behind in the old Region. Make a new ChatCluster there"
// +kubebuilder:validation:XValidation:rule=`(has(self.dynamoDB) && has(self.dynamoDB.tablePrefix) ? self.dynamoDB.tablePrefix : "") == (has(oldSelf.dynamoDB) && has(oldSelf.dynamoDB.tablePrefix) ? oldSelf.dynamoDB.tablePrefix : "")`,message="dynamoDB.tablePrefix cannot be changed, added or removed after creation: the tables would be left behind"
// +kubebuilder:validation:XValidation:rule=`(has(self.msk.topicPrefix) ? self.msk.topicPrefix : "") == (has(oldSelf.msk.topicPrefix) ? oldSelf.msk.topicPrefix : "")`,message="msk.topicPrefix cannot be changed, added or removed after creation: the topics would be left behind"
// +kubebuilder:validation:XValidation:rule="self.aurora.database == oldSelf.aurora.database",message="aurora.database cannot be changed: the read model would be left behind"
// +kubebuilder:validation:XValidation:rule="!has(self.msk.partitions) || !has(oldSelf.msk.partitions) || self.msk.partitions >= oldSelf.msk.partitions",message="msk.partitions can only grow: Kafka never removes a partition"
// +kubebuilder:validation:XValidation:rule="!has(self.aurora.readRetention) || duration(self.aurora.readRetention) >= (has(self.dynamoDB) && has(self.dynamoDB.hotRetention) ? duration(self.dynamoDB.hotRetention) : duration('720h'))",message="aurora.readRetention must be at least dynamoDB.hotRetention (720h where that is absent): the read model holds what the tables hold"
// +kubebuilder:validation:XValidation:rule="!has(self.aws.assumeRoleARN) || !has(oldSelf.aws.assumeRoleARN) || self.aws.assumeRoleARN.split(':')[4] == oldSelf.aws.assumeRoleARN.split(':')[4]",message="aws.assumeRoleARN cannot move to another account: the data would stay behind"
type ChatClusterSpec struct {
	// The data plane's image (chatd), with a tag or digest. A new image rolls out once tables, topics and the schema
	// migration of that very image are done; until then the previous one serves. Going back is a change of this field.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[^\s]+$`
	// +required
	Image string `json:"image"`
	// When a node pulls the image: Always, IfNotPresent or Never. Kubernetes decides by the tag when this is absent.
	// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
	// +optional
	ImagePullPolicy string `json:"imagePullPolicy,omitempty"`
	// What becomes of tables, topics and the push application when this resource is deleted: Retain leaves them and
	// releases the operator's claim; Delete deletes them with all data, lifting deletion protection. The read model's
	// database is left in either case.
	// +kubebuilder:default=Retain
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
	// While true the operator changes nothing, here or on the cloud's side; what runs goes on running. Deletion waits, too.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// The AWS account and Region, and how to reach them.
	// +required
	AWS AWSSpec `json:"aws"`
	// Whose tokens are accepted.
	// +required
	Auth AuthSpec `json:"auth"`

	// Who may be a tenant beside those that auth names: ChatTenants of this namespace, or of others, too.
	// +optional
	Tenants TenantsSpec `json:"tenants,omitzero"`

	// The gateways that clients connect to.
	// +optional
	Gateway GatewaySpec `json:"gateway,omitzero"`
	// The chat service that keeps the order of conversations.
	// +optional
	Chat ChatSpec `json:"chat,omitzero"`
	// The service that decides which devices get a push.
	// +optional
	Notifications NotificationsSpec `json:"notifications,omitzero"`
	// The service that projects conversations into the read model.
	// +optional
	Projector ProjectorSpec `json:"projector,omitzero"`
	// Stream processors that act on what is said: those that are named run.
	// +optional
	Processors ProcessorsSpec `json:"processors,omitzero"`
	// The admin API. Absent means that there is none.
	// +optional
	Admin *AdminSpec `json:"admin,omitempty"`

	// What the pods of Jobs have, those that migrate the schema and delete a tenant's data. A container that never ends keeps
	// its Job from ending.
	// +optional
	Jobs PodSettings `json:"jobs,omitzero"`
	// Who may talk to whom inside the Kubernetes cluster.
	// +optional
	Network NetworkSpec `json:"network,omitzero"`
	// How gateways and chat pods make sure of each other.
	// +optional
	InternalTLS InternalTLSSpec `json:"internalTLS,omitzero"`

	// The tables: the truth about every conversation.
	// +optional
	DynamoDB DynamoDBSpec `json:"dynamoDB,omitzero"`
	// The Kafka cluster (Amazon MSK or any other) and the topics in it.
	// +required
	MSK MSKSpec `json:"msk"`
	// The PostgreSQL database (Amazon Aurora or any other) of the read model: inboxes and old history.
	// +required
	Aurora AuroraSpec `json:"aurora"`
	// The Redis cache (Amazon ElastiCache or any other). It may be emptied at any moment: slower, never wrong.
	// +required
	ElastiCache ElastiCacheSpec `json:"elastiCache"`
	// Pushes to phones (AWS End User Messaging Push, whose API is Pinpoint's).
	// +optional
	Pinpoint PinpointSpec `json:"pinpoint,omitzero"`

	// Traces of what clients ask for, and how metrics are found: every pod serves them.
	// +optional
	Telemetry TelemetrySpec `json:"telemetry,omitzero"`
}
