// Package readmodel is Aurora PostgreSQL: what the logs of all conversations add up to, for inboxes and old history. The truth is
// the store until a message leaves the hot retention, and here after that.
//
// # Writing
//
// Apply takes records of the log topic in any order and any number of times and ends with the same rows: a conversation's head says
// what is applied, entries up to it are skipped, and what is missing before a record is read from the store first (Kafka is then owed
// those batches, so that its other readers get them too). All of a call's records are one transaction; conversations are
// locked in the order of their keys, so that two projectors that both believe to own a partition take turns. A batch changes its own
// messages, one conversation, and its senders' read marks: nothing grows with the number of members. Rows of members are taken in the
// order of their keys as well, read marks' included, and after the conversations: so no two writers wait for each other.
//
// A record whose content cannot be applied parks its conversation: the record and all that follow are kept, with the reason, until
// RetryParked gets through. Other conversations go on. What fails for any other reason (a connection, a lock, a missing table)
// is returned, and nothing of the call is applied.
//
// What a record does to earlier messages (package fold) is folded into their rows in the same transaction, and into the store before it:
// what the head has passed is folded in both. Entries are as the log has them whichever copy of a batch came, folded in the store
// already or not; a copy that the store had no room for is made whole by folding again, and an edit whose body the store has taken out
// is folded with the one that the stored message has.
//
// Each applied conversation gets a row in tails until its tail mark in the store has been raised: a conversation whose mark is older
// than the hot retention would be read as empty, so owing it must survive the process.
//
// # Reading
//
// Unread is a difference of two running counts, never a counter. Whoever left a conversation sees it as it was then. Reads go
// to the reader host, which may lag behind by a moment.
//
// # Partitions and retention
//
// Entries are partitioned by the month (UTC) of their commit. KeepPartitions makes months ahead, drops those that end before
// the retention, and gives entries of other months theirs; the default partition takes what has none, so nothing is ever refused. Entries older
// than the retention are counted and not kept, whenever they come; a preview goes with its message. The count before the first entry that is
// kept is known from that entry. While there is a legal hold on anything no month is dropped, and what comes late is kept. Reads go by seq and ask every month: a few dozen index look-ups where retention is years.
//
// # Schema
//
// Migrate is chatd migrate; Target, MinSchema and MaxSchema say what this binary makes and what it runs on. Migrations only expand.
//
// # Concurrency and lifecycle
//
// A Model is two connection pools and no goroutine of its own; all methods are safe for concurrent use, honor their context, and are
// bounded by the server's statement timeout besides. Close it last.
package readmodel
