package eventlog

// Names of the topics, after the cluster's prefix.
const (
	// LogTopic carries committed batches, keyed by tenant and conversation.
	LogTopic = "log"
	// MarksTopic carries read marks, keyed by tenant and user.
	MarksTopic = "marks"
	// AuditTopic carries what is to be audited and is in no log, keyed by tenant.
	AuditTopic = "audit"
	// VerdictsTopic carries what processors say of messages, keyed by tenant and conversation.
	VerdictsTopic = "verdicts"
	// FiguresTopic carries what processes measure of a tenant, keyed by tenant.
	FiguresTopic = "figures"
)

// Groups of consumers. Each has a dead-letter topic.
const (
	ProjectGroup = "project"
	NotifyGroup  = "notify"
	// AuditGroup writes the audit log, AnalyticsGroup the rollups.
	AuditGroup     = "audit"
	AnalyticsGroup = "analytics"
	// VerdictsGroup takes verdicts to the chat service.
	VerdictsGroup = "verdicts"
	// A detector's group is called as it is.
	SpamGroup      = "spam"
	ProfanityGroup = "profanity"
	FraudGroup     = "fraud"
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
		{Name: VerdictsTopic, Configs: map[string]string{"cleanup.policy": "delete"}},
		{Name: AuditTopic, Configs: map[string]string{"cleanup.policy": "delete"}},
		{Name: FiguresTopic, Configs: map[string]string{"cleanup.policy": "delete"}},
		deadLetters(ProjectGroup),
		deadLetters(NotifyGroup),
		deadLetters(VerdictsGroup),
		deadLetters(SpamGroup),
		deadLetters(ProfanityGroup),
		deadLetters(FraudGroup),
		deadLetters(AuditGroup),
		deadLetters(AnalyticsGroup),
	}
}

func deadLetters(group string) Topic {
	return Topic{Name: DeadLetterTopic(group), Partitions: 1, Configs: map[string]string{"cleanup.policy": "delete"}}
}

// DeadLetterTopic returns the name of the topic that takes what group could not process.
func DeadLetterTopic(group string) string { return group + ".dlq" }

// FullName returns the topic's name in the Kafka cluster.
func FullName(prefix, name string) string { return prefix + name }
