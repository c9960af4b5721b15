package v1alpha1

// Types of conditions.
const (
	// ConditionReady is true when everything that the spec asks for is there and serves.
	ConditionReady = "Ready"
	// ConditionReconciling is present and true while the operator works towards the spec (kstatus: InProgress).
	ConditionReconciling = "Reconciling"
	// ConditionStalled is present and true when only a person can mend what is wrong (kstatus: Failed).
	ConditionStalled = "Stalled"

	ConditionTablesReady        = "TablesReady"
	ConditionTopicsReady        = "TopicsReady"
	ConditionSchemaReady        = "SchemaReady"
	ConditionCacheReady         = "CacheReady"
	ConditionPushReady          = "PushReady"
	ConditionGatewayReady       = "GatewayReady"
	ConditionChatReady          = "ChatReady"
	ConditionNotificationsReady = "NotificationsReady"
	ConditionProjectorReady     = "ProjectorReady"
	// ConditionProcessorsReady is true when every stream processor that the spec names is there, or it names none.
	ConditionProcessorsReady = "ProcessorsReady"
	// ConditionAdminReady is true when the admin API is there, or the spec names none.
	ConditionAdminReady = "AdminReady"
	// ConditionInternalTLSReady is true when gateways and chat pods have certificates, or need none.
	ConditionInternalTLSReady = "InternalTLSReady"
	// ConditionExposureReady is true when clients can reach the gateways in the way that the spec asks for.
	ConditionExposureReady = "ExposureReady"

	// ConditionClaimsHeld is true when a ChatTenant's id and issuer are its own.
	ConditionClaimsHeld = "ClaimsHeld"
)

// Reasons of conditions.
const (
	// ReasonReady: it is as the spec asks.
	ReasonReady = "Ready"
	// ReasonProgressing: it is on its way; nobody needs to do anything.
	ReasonProgressing = "Progressing"
	// ReasonPending: it waits for something else first.
	ReasonPending = "Pending"
	// ReasonError: something failed that may pass; it is tried again.
	ReasonError = "Error"
	// ReasonUnreachable: a service does not answer.
	ReasonUnreachable = "Unreachable"
	// ReasonAccessDenied: credentials are missing, wrong or not enough.
	ReasonAccessDenied = "AccessDenied"
	// ReasonInvalid: the spec asks for what cannot be.
	ReasonInvalid = "Invalid"
	// ReasonNotAllowed: the spec asks for what this operator does not allow.
	ReasonNotAllowed = "NotAllowed"
	// ReasonNotOwned: a resource of that name exists and is not this ChatCluster's.
	ReasonNotOwned = "NotOwned"
	// ReasonClaimed: another has it already: the topic prefix or the database of a ChatCluster, the id or the issuer of a ChatTenant.
	ReasonClaimed = "Claimed"
	// ReasonMismatch: what exists differs in a way that cannot be changed.
	ReasonMismatch = "Mismatch"
	// ReasonReplaced: a table that held data is gone, or another table has its name.
	ReasonReplaced = "Replaced"
	// ReasonLimited: AWS does not do it now, for a limit on how often or how much at once; it is tried again.
	ReasonLimited = "Limited"
	// ReasonChannelDisabled: a channel of the push application is disabled.
	ReasonChannelDisabled = "ChannelDisabled"
	// ReasonApprovalNeeded: the migration waits for a person's approval.
	ReasonApprovalNeeded = "ApprovalNeeded"
	// ReasonMigrating: the migration Job runs.
	ReasonMigrating = "Migrating"
	// ReasonMigrationFailed: the migration Job failed.
	ReasonMigrationFailed = "MigrationFailed"
	// ReasonRollingOut: pods are being replaced or started.
	ReasonRollingOut = "RollingOut"
	// ReasonRolloutFailed: the new pods do not get ready, and the rollout has stopped.
	ReasonRolloutFailed = "RolloutFailed"
	// ReasonNotInstalled: the Kubernetes cluster does not know a kind that the spec asks for.
	ReasonNotInstalled = "NotInstalled"
	// ReasonPaused: spec.paused is true.
	ReasonPaused = "Paused"
	// ReasonPlanned: the annotation chatcluster.io/plan is "true".
	ReasonPlanned = "Planned"
	// ReasonDeleting: it is being deleted.
	ReasonDeleting = "Deleting"
	// ReasonSuspended: spec.suspended is true.
	ReasonSuspended = "Suspended"
	// ReasonPurging: the tenant's data is being deleted.
	ReasonPurging = "Purging"
	// ReasonPurgeFailed: the Job that deletes the tenant's data failed.
	ReasonPurgeFailed = "PurgeFailed"
)

// Annotations that a user may set on a ChatCluster.
const (
	// AnnotationAdoptionPolicy says what the operator may do about resources that are not what it remembers. AdoptionAdopt: take
	// over tables that carry no owner's tags, the push application that a ChatCluster of this namespace and name retained, and a
	// table that was replaced (restored from a backup, say). AdoptionRecreate: make a new, empty table in place of one that is
	// gone with its data.
	AnnotationAdoptionPolicy = "chatcluster.io/adoption-policy"
	// AnnotationReconcile asks for a reconcile now whenever its value changes.
	AnnotationReconcile = "chatcluster.io/reconcile-requested-at"
	// AnnotationReleaseTenants on a ChatCluster lets a namespace take over what a deleted ChatTenant retained: a comma-separated list
	// of namespace/id, where id is the deleted tenant's.
	AnnotationReleaseTenants = "chatcluster.io/release-tenants"
	// AnnotationPlan set to "true" makes the operator change nothing and write into status.plan what it would change.
	AnnotationPlan = "chatcluster.io/plan"
	// AnnotationApproveMigration set to an image approves that image's migration where aurora.migrations.approval is Manual.
	AnnotationApproveMigration = "chatcluster.io/approve-migration"
	// AnnotationAbandon set to "true" lets a ChatCluster that is being deleted go although what it has outside Kubernetes can be
	// neither deleted nor released, because access to it is gone. It is left where it is, with its owner's tags.
	AnnotationAbandon = "chatcluster.io/abandon"
)

// Values of AnnotationAdoptionPolicy.
const (
	AdoptionAdopt    = "adopt"
	AdoptionRecreate = "recreate"
)

// ConditionPaused is present and true while spec.paused is true. The other conditions are as they were when it began.
const ConditionPaused = "Paused"

// ConditionPlanned is present and true while the annotation chatcluster.io/plan is "true". The other conditions are as they
// were when it began.
const ConditionPlanned = "Planned"

// Finalizer keeps a ChatCluster or a ChatTenant until what it has on the cloud's side is deleted or released.
const Finalizer = "chatcluster.io/finalizer"
