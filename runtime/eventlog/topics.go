package eventlog

// Names of the topics, after the cluster's prefix.
const (
	// LogTopic carries committed batches, keyed by tenant and conversation.
	LogTopic = "log"
	// MarksTopic carries read marks, keyed by tenant and user.
	MarksTopic = "marks"
	// AuditTopic carries what is to be audited and is in no log, keyed by tenant.
	AuditTopic = "audit"
)

// Groups of consumers. Each has a dead-letter topic.
const (
	ProjectGroup = "project"
	NotifyGroup  = "notify"
	// AuditGroup writes the audit log, AnalyticsGroup the rollups.
	AuditGroup     = "audit"
	AnalyticsGroup = "analytics"
)

// Topic is what a topic must be. The operator makes it so; the runtime counts on it.
type Topic struct {
	// Name comes after the cluster's topic prefix.
	Name string
	// Partitions is how many it starts with where the cluster asks for none in particular.
	Partitions int32
	// Configs are the topic configurations that correctness depends on.
	Configs map[string]string
}

// Topics returns the topics of a cluster, always in the same order.
func Topics() []Topic {
	return []Topic{
		{Name: LogTopic, Configs: map[string]string{"cleanup.policy": "delete"}},
		{Name: MarksTopic, Configs: map[string]string{"cleanup.policy": "delete"}},
		{Name: AuditTopic, Configs: map[string]string{"cleanup.policy": "delete"}},
		{Name: DeadLetterTopic(ProjectGroup), Partitions: 1, Configs: map[string]string{"cleanup.policy": "delete"}},
		{Name: DeadLetterTopic(NotifyGroup), Partitions: 1, Configs: map[string]string{"cleanup.policy": "delete"}},
		{Name: DeadLetterTopic(AuditGroup), Partitions: 1, Configs: map[string]string{"cleanup.policy": "delete"}},
		{Name: DeadLetterTopic(AnalyticsGroup), Partitions: 1, Configs: map[string]string{"cleanup.policy": "delete"}},
	}
}

// DeadLetterTopic returns the name of the topic that takes what group could not process.
func DeadLetterTopic(group string) string { return group + ".dlq" }

// FullName returns the topic's name in the Kafka cluster.
func FullName(prefix, name string) string { return prefix + name }
