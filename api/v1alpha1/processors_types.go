package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ProcessorsSpec is which stream processors run: each that is named, as a Deployment and a consumer group of its own. One that is
// down delays verdicts and figures, never messages.
type ProcessorsSpec struct {
	// Finds spam: too many messages, near-duplicates, links from new senders.
	// +optional
	Spam *SpamSpec `json:"spam,omitempty"`
	// Finds profanity by word lists.
	// +optional
	Profanity *ProfanitySpec `json:"profanity,omitempty"`
	// Finds fraud: look-alike domains, links that lie, phishing.
	// +optional
	Fraud *DetectorSpec `json:"fraud,omitempty"`
	// Counts what happens, by tenant and time.
	// +optional
	Analytics *ProcessorSpec `json:"analytics,omitempty"`
	// Keeps the audit log.
	// +optional
	Audit *AuditSpec `json:"audit,omitempty"`
}

// ProcessorSpec is how a stream processor runs.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.replicas) && has(self.autoscaling))",message="processors: set replicas or autoscaling, not both: two would fight over the number of pods"
type ProcessorSpec struct {
	// How many pods run, 1 to 1000. Absent means 1.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Lets a HorizontalPodAutoscaler choose how many pods run, in place of replicas.
	// +optional
	Autoscaling *ConsumerAutoscaling `json:"autoscaling,omitempty"`
	// What a container asks for and may use. Absent means requests of 50m CPU and 64Mi, and a limit of 512Mi.
	// +optional
	Resources   *corev1.ResourceRequirements `json:"resources,omitempty"`
	PodSettings `json:",inline"`
}

// ProcessorMode is what is done about what a detector finds, where a tenant does not say otherwise.
// +kubebuilder:validation:Enum=Off;DryRun;Flag;Enforce
type ProcessorMode string

const (
	// ProcessorOff looks at nothing, but for tenants that want it.
	ProcessorOff ProcessorMode = "Off"
	// ProcessorDryRun counts findings and does no more.
	ProcessorDryRun ProcessorMode = "DryRun"
	// ProcessorFlag marks messages for people to look at.
	ProcessorFlag ProcessorMode = "Flag"
	// ProcessorEnforce masks or hides messages.
	ProcessorEnforce ProcessorMode = "Enforce"
)

// VerdictAction is what becomes of a message.
// +kubebuilder:validation:Enum=Mask;Hide
type VerdictAction string

const (
	// ActionMask covers what was found.
	ActionMask VerdictAction = "Mask"
	// ActionHide shows nothing of the message.
	ActionHide VerdictAction = "Hide"
)

// DetectorSpec is how a detector runs, and what is done about what it finds.
//
// +kubebuilder:validation:XValidation:rule="!has(self.muteSenderFor) || (duration(self.muteSenderFor) >= duration('1s') && duration(self.muteSenderFor) <= duration('720h'))",message="muteSenderFor must be between 1s and 720h"
type DetectorSpec struct {
	ProcessorSpec `json:",inline"`
	// Off looks at nothing but for tenants that want it, DryRun counts, Flag marks, Enforce masks or hides. Absent means Flag.
	// +optional
	Mode ProcessorMode `json:"mode,omitempty"`
	// From which score on a message counts as found, in percent, 1 to 100. Absent means the detector's own.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Threshold *int32 `json:"threshold,omitempty"`
	// What Enforce does: Mask covers what was found, Hide shows nothing of the message. Absent means the detector's own.
	// +optional
	Action VerdictAction `json:"action,omitempty"`
	// For how long Enforce has the sender send nothing more, 1s to 720h. Absent means not at all.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	MuteSenderFor *metav1.Duration `json:"muteSenderFor,omitempty"`
	// A ConfigMap in the same namespace with lists of the detector's own, a key for each. What changes there is read within
	// minutes, without a restart. Absent means the built-in lists alone.
	// +optional
	Lists *ConfigMapReference `json:"lists,omitempty"`
}

// SpamSpec is how the detector of spam runs.
type SpamSpec struct {
	DetectorSpec `json:",inline"`
	// What people do who are no spammers: what is beyond it is a reason. Absent means the defaults.
	// +optional
	Limits *SpamLimits `json:"limits,omitempty"`
}

// SpamLimits are what people do who are no spammers.
//
// +kubebuilder:validation:XValidation:rule="!has(self.newFor) || (duration(self.newFor) >= duration('1h') && duration(self.newFor) <= duration('720h'))",message="limits.newFor must be between 1h and 720h"
type SpamLimits struct {
	// Messages of a sender in a minute, 1 to 85; three times as many weigh twice as much. Absent means 30.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=85
	// +optional
	Velocity *int32 `json:"velocity,omitempty"`
	// Conversations that a sender writes to in ten minutes, 1 to 200. Absent means 15.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=200
	// +optional
	FanOut *int32 `json:"fanOut,omitempty"`
	// Other conversations in which a sender says about the same within an hour, 1 to 200. Absent means 2.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=200
	// +optional
	Duplicates *int32 `json:"duplicates,omitempty"`
	// Conversations in which the same text is within an hour, whoever sends it, 1 to 1000. Absent means 8.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Spread *int32 `json:"spread,omitempty"`
	// Conversations that a sender begins within an hour, where they are four of five that it writes to, 1 to 200. Absent means 8.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=200
	// +optional
	NewContacts *int32 `json:"newContacts,omitempty"`
	// For how long a sender is new, 1h to 720h. Absent means 24h.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	NewFor *metav1.Duration `json:"newFor,omitempty"`
}

// Locale is a language that the detector of profanity has a list of.
// +kubebuilder:validation:Enum=de;en;es;fr;it;ja;ko;nl;pl;pt;ru;tr;zh
type Locale string

// ProfanitySpec is how the detector of profanity runs.
type ProfanitySpec struct {
	DetectorSpec `json:",inline"`
	// The built-in lists that count for tenants whose own lists name none. Absent means en.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=13
	// +listType=set
	// +optional
	Locales []Locale `json:"locales,omitempty"`
}

// AuditSpec is how the audit log is kept.
type AuditSpec struct {
	ProcessorSpec `json:",inline"`
	// Where the audit log is exported to. Absent means nowhere.
	// +optional
	Export *AuditExport `json:"export,omitempty"`
}

// AuditExport is where the audit log is exported to, and how.
//
// +kubebuilder:validation:XValidation:rule="duration(self.retainFor) >= duration('24h')",message="export.retainFor must be at least 24h: nobody can shorten it later, but what is locked for less proves little"
// +kubebuilder:validation:XValidation:rule="!has(self.every) || (duration(self.every) >= duration('1m') && duration(self.every) <= duration('24h'))",message="export.every must be between 1m and 24h"
type AuditExport struct {
	// s3://bucket/prefix: a bucket with Object Lock.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\x00-\x1f\x7f]*)?$`
	// +required
	To string `json:"to"`
	// How often, 1m to 24h. Absent means 1h.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	Every *metav1.Duration `json:"every,omitempty"`
	// For how long each object is locked, at least 24h.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +required
	RetainFor metav1.Duration `json:"retainFor"`
	// Compliance lets nobody delete an object or shorten its time, Governance who has a permission of its own. Absent means
	// Compliance.
	// +kubebuilder:validation:Enum=Compliance;Governance
	// +optional
	LockMode string `json:"lockMode,omitempty"`
	// A Secret with the Ed25519 key that signs each export (PKCS #8, PEM; the key in it is "audit.key" where absent). It is read for
	// each, so it can be rotated without a restart. Absent means that exports are not signed.
	// +optional
	SigningKeySecret *SecretKey `json:"signingKeySecret,omitempty"`
}

// ConfigMapReference names a ConfigMap in the same namespace.
type ConfigMapReference struct {
	// Its name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
}
