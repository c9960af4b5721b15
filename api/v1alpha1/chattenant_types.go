package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ChatTenant is a tenant of a ChatCluster: users of its own, whose conversations nobody else's users see, under limits of its own.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=chattenants,singular=chattenant,shortName=cht,categories=all,scope=Namespaced
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="ID",type=string,JSONPath=`.status.id`,description="The tenant's id in the cluster"
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Suspended",type=boolean,JSONPath=`.spec.suspended`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Issuer",type=string,JSONPath=`.spec.issuer.url`,priority=1
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="metadata.name must be at most 63 characters: the tenant's id is made of it"
type ChatTenant struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What is wanted. The operator reads it and never writes it.
	// +required
	Spec ChatTenantSpec `json:"spec"`
	// What the operator found and did.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status ChatTenantStatus `json:"status,omitzero"`
}

// ChatTenantList is a list of ChatTenants.
//
// +kubebuilder:object:root=true
type ChatTenantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ChatTenant `json:"items"`
}

// ChatTenantSpec is what is wanted of a ChatTenant.
//
// +kubebuilder:validation:XValidation:rule=`(has(self.id) ? self.id : "") == (has(oldSelf.id) ? oldSelf.id : "")`,message="id cannot be changed, added or removed after creation: the tenant's data would be left behind"
type ChatTenantSpec struct {
	// The ChatCluster that serves the tenant. It cannot be changed.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterRef cannot be changed: the tenant's data would be left behind. Make a new ChatTenant there"
	// +required
	ClusterRef ClusterReference `json:"clusterRef"`
	// The tenant's id in the cluster: lower-case letters, digits and '-'. Absent means "<namespace>.<name>", which is nobody else's.
	// Whoever takes an id first has it. It cannot be changed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self != 'admin'",message="admin is not a tenant's id"
	// +optional
	ID string `json:"id,omitempty"`
	// Who signs the tokens of the tenant's users. It speaks for this tenant alone.
	// +required
	Issuer TenantIssuer `json:"issuer"`
	// What the tenant's users may use together.
	// +optional
	Quotas TenantQuotas `json:"quotas,omitzero"`
	// How long the tenant's data is kept.
	// +optional
	Retention TenantRetention `json:"retention,omitzero"`
	// What is done about messages that a detector finds. A detector that is not named does as the cluster's does.
	// +listType=map
	// +listMapKey=detector
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Moderation []TenantDetector `json:"moderation,omitempty"`
	// A push application of the tenant's own, with its own credentials. Absent means the cluster's. The cluster must allow it
	// (spec.tenants.ownPush).
	// +optional
	Push *TenantPush `json:"push,omitempty"`
	// While true nobody of the tenant is served: connections are closed and requests refused. Data stays.
	// +optional
	Suspended bool `json:"suspended,omitempty"`
	// What becomes of the tenant's data when this resource is deleted: Retain leaves it, and the id and the issuer stay taken until
	// the cluster's owner releases them; Delete deletes all of it.
	// +kubebuilder:default=Retain
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// ClusterReference names a ChatCluster.
type ClusterReference struct {
	// The ChatCluster's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +required
	Name string `json:"name"`
	// Its namespace. Absent means the tenant's own. Another's must allow this one (spec.tenants.allowedNamespaces).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// TenantIssuer signs the tokens of a tenant's users. A pair of url and audience is one tenant's.
//
// +kubebuilder:validation:XValidation:rule="has(self.jwksURL) || isURL(self.url)",message="issuer.url must be a URL where jwksURL is absent: the keys are discovered there"
type TenantIssuer struct {
	// The tokens' iss claim, exactly.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]+$`
	// +required
	URL string `json:"url"`
	// The tokens' aud claim, exactly.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]+$`
	// +required
	Audience string `json:"audience"`
	// Where the issuer's public keys are (JWKS). Absent means where the issuer's OpenID configuration says. It must be https and on a
	// public address unless the operator allows others (--allow-insecure-issuers, --allow-private-issuers).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://[^\s/]+(/[^\s]*)?$`
	// +optional
	JWKSURL string `json:"jwksURL,omitempty"`
}

// TenantQuotas are what a tenant's users may use together. Pods tell each other every few seconds what they see of it, so that a quota
// may be passed for as long.
type TenantQuotas struct {
	// Connections that are open at a time. Absent means as many as the gateways take.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Connections *int32 `json:"connections,omitempty"`
	// Messages a second, edits and reactions included; a second's worth may come at once. Absent means as many as there are.
	// +kubebuilder:validation:Minimum=1
	// +optional
	MessagesPerSecond *int32 `json:"messagesPerSecond,omitempty"`
}

// TenantRetention is how long a tenant's data is kept.
//
// +kubebuilder:validation:XValidation:rule="!has(self.messages) || duration(self.messages) >= duration('24h')",message="retention.messages must be at least 24h: resuming devices rely on it"
// +kubebuilder:validation:XValidation:rule="!has(self.history) || duration(self.history) >= duration('24h')",message="retention.history must be at least 24h: resuming devices rely on it"
// +kubebuilder:validation:XValidation:rule="!has(self.history) || !has(self.messages) || duration(self.history) >= duration(self.messages)",message="retention.history must be at least retention.messages"
type TenantRetention struct {
	// How long messages stay in DynamoDB, at least 24h and at most the cluster's dynamoDB.hotRetention; older history is read from the
	// read model for as long as the cluster keeps that. It concerns messages that are sent from then on. Absent means the cluster's.
	// A Go duration such as "168h".
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	Messages *metav1.Duration `json:"messages,omitempty"`
	// How long messages are kept at all, at least 24h and at least messages: older ones are deleted from the read model within hours, and
	// from DynamoDB and Redis before that. A legal hold keeps them. Absent means the cluster's aurora.readRetention. Kafka has them
	// until msk.retention ends, backups until theirs does. A Go duration such as "2160h".
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	History *metav1.Duration `json:"history,omitempty"`
}

// TenantPush is a tenant's own push application.
//
// +kubebuilder:validation:XValidation:rule="has(self.channels.apns) || has(self.channels.apnsSandbox) || has(self.channels.apnsVoIP) || has(self.channels.apnsVoIPSandbox) || has(self.channels.fcm) || has(self.channels.adm)",message="push.channels names no platform: without push the tenant's pushes go through the cluster's application"
type TenantPush struct {
	// The platforms that the application pushes to. Their Secrets are in the tenant's namespace.
	// +required
	Channels ChannelsSpec `json:"channels"`
}

// DetectorMode is what is done about what a detector finds.
// +kubebuilder:validation:Enum=Off;Flag;Enforce
type DetectorMode string

const (
	// DetectorOff looks at nothing.
	DetectorOff DetectorMode = "Off"
	// DetectorFlag marks messages for people to look at.
	DetectorFlag DetectorMode = "Flag"
	// DetectorEnforce masks or hides messages.
	DetectorEnforce DetectorMode = "Enforce"
)

// TenantDetector tunes a detector for a tenant.
type TenantDetector struct {
	// spam, profanity or fraud.
	// +kubebuilder:validation:Enum=spam;profanity;fraud
	// +required
	Detector string `json:"detector"`
	// Off looks at nothing, Flag marks, Enforce masks or hides.
	// +required
	Mode DetectorMode `json:"mode"`
	// From which score on a message counts as found, in percent, 1 to 100. Absent means the detector's own.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Threshold *int32 `json:"threshold,omitempty"`
}

// ChatTenantStatus is what the operator found and did.
type ChatTenantStatus struct {
	// The generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Ready is what to wait for. ClaimsHeld says that the id and the issuer are this tenant's, PushReady that its own push application
	// is as wanted. Reconciling and Stalled are there while they are true.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// The tenant's id, once it is this tenant's.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	ID string `json:"id,omitempty"`
	// The tenant's own push application.
	// +optional
	Push PushStatus `json:"push,omitzero"`
	// How far the deletion of the tenant's data is.
	// +optional
	Purge *PurgeStatus `json:"purge,omitempty"`
}

// PurgeStatus is how far the deletion of a tenant's data is.
type PurgeStatus struct {
	// The Job that deletes, in the cluster's namespace.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Job string `json:"job,omitempty"`
	// What it is doing.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Phase string `json:"phase,omitempty"`
	// Conversations that are deleted, by all attempts together.
	// +optional
	Conversations int64 `json:"conversations,omitempty"`
	// Conversations that were left when it was last counted.
	// +optional
	Left int64 `json:"left,omitempty"`
	// Users whose devices and memberships are deleted.
	// +optional
	Users int64 `json:"users,omitempty"`
	// Why the last attempt failed. Absent when it did not.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	LastError string `json:"lastError,omitempty"`
}

// TenantsSpec is who may be a tenant of a ChatCluster.
type TenantsSpec struct {
	// From which namespaces ChatTenants may name this ChatCluster. Absent means from its own alone.
	// +optional
	AllowedNamespaces *AllowedNamespaces `json:"allowedNamespaces,omitempty"`
	// Whether ChatTenants may have push applications of their own (spec.push). An account has about 100 in a Region. Absent means no;
	// those that are there stay.
	// +optional
	OwnPush bool `json:"ownPush,omitempty"`
}

// NamespacesFrom says which namespaces are meant.
// +kubebuilder:validation:Enum=Same;All;Selector
type NamespacesFrom string

const (
	// NamespacesSame is the ChatCluster's own namespace.
	NamespacesSame NamespacesFrom = "Same"
	// NamespacesAll is every namespace.
	NamespacesAll NamespacesFrom = "All"
	// NamespacesSelector is those whose labels match.
	NamespacesSelector NamespacesFrom = "Selector"
)

// AllowedNamespaces are namespaces, by their labels or all of them. The ChatCluster's own is always one of them.
//
// +kubebuilder:validation:XValidation:rule="(self.from == 'Selector') == has(self.selector)",message="tenants.allowedNamespaces.selector belongs to from: Selector, and only to it"
type AllowedNamespaces struct {
	// Same, All or Selector.
	// +required
	From NamespacesFrom `json:"from"`
	// Labels of the namespaces. An empty selector is all of them.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}
