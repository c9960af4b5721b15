package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
