package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
