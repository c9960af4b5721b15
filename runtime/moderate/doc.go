// Package moderate judges messages: it reads the log, asks a detector, and says verdicts.
//
// # What happens to a message
//
// A Moderator is the frame of one detector. It takes messages and edits from the log, in batches, and leaves out those of tenants that have
// the detector switched off. What scores at least the threshold is a finding: what becomes of it the mode says. DryRun counts it, Flag has
// it flagged, Enforce has it masked or hidden, and its sender muted where that is configured. The cluster's configuration says all of
// that, a tenant's record has its own mode and threshold instead.
//
// A verdict is published to the topic of verdicts, and applied by the chat service. So a moderator that is down or stuck delays verdicts
// and never messages.
//
// # What holds
//
// An offset is committed only when Kafka has the verdicts of all that lies before it: a crash repeats work and skips none. A verdict is named
// after the body that it is about, eventlog.VerdictID, and the chat service appends one verdict of a processor's name: however often a
// message is judged, in a replay too, there is one verdict on it, the first.
//
// A detector's error, a tenant's record that cannot be read and a Kafka that takes nothing are waited out. A message that a detector cannot
// judge whatever happens (ErrUnjudgeable, or it panics) is found by halves and goes to the group's dead letters with the whole record; what
// else is in the record is judged.
//
// # Concurrency and lifecycle
//
// Handle is called by the consumer, for several partitions at a time, and keeps nothing between calls: what is remembered of senders and
// messages is the detector's. A Moderator owns no goroutine.
package moderate
