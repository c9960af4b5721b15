// Package analytics is the role that counts: per tenant and minute, hour and day (UTC) how much is written, by how many, in how many
// conversations, how soon it is read, and what moderation did. It keeps no message.
//
// # Counting once
//
// Records come again: when a process dies, when a batch is published twice, when somebody replays the topic. So nothing goes by offsets. Of
// each conversation it is kept, as ranges of seqs, what is counted; of each user and conversation, the highest mark. A record's
// effect on that and on the rollups is one transaction, so an entry is counted exactly once, in whatever order and however often
// batches come: late ones go into the rollups of when they happened. Two consumers of one partition take turns at the conversation's row.
// Rows are locked in one order: conversations, reads, rollups, each by their keys.
//
// # What is counted
//
// Messages, edits, deletions, reactions and verdicts by their entry's time. Active users are those who wrote, reacted or read; they and
// the active conversations are sketched by HyperLogLog (2^12 registers: a standard error of 1.6 %), so that hours of different days add up
// without counting anybody twice. A read is a mark that went up; its latency is the time from the newest message of somebody else's that it
// covers to the mark, for messages of the last 30 days, sketched by DDSketch (1 % of the value). The message's time is the
// read model's, which may not have it yet: the read waits in a table until the projector has come so far, a day at most.
//
// Deliveries and answers to pushes are measured where they happen and come added up, a record for each process, tenant and minute (package figures): of
// each process it is kept, as ranges of its records' numbers, what is counted. A delivery's latency is the time from a message's commit to the word
// of a connected device that it has it, for one message at a time of each connection and conversation: a sample, and the count is the sample's.
// Records that are older than 35 days are not counted, as nobody remembers longer which were.
//
// # Keeping
//
// Rollups by minute are kept for MinuteRetention, those by hour and day for good: they hold no user's id, but sketches that were made
// of ids. What is late by more than MinuteRetention is in hours and days alone.
//
// # Concurrency and lifecycle
//
// Handle is called by the consumer for several partitions at a time and only gathers. Run writes what was gathered every second, settles
// reads, and drops old minutes; records are done when they are written. It returns when its context has ended and its three loops have. Stop
// the consumer and Run together; what was not written is delivered again.
package analytics
