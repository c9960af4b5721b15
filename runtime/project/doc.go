// Package project is the role that keeps the read model: it consumes the log and the marks and applies them to Aurora.
//
// # Order of work
//
// A call's records are applied in one transaction. Then the cache learns of it (the conversations' summaries, and whose list is outdated),
// and only when it has are the records done and their offsets committed. So a process that dies anywhere in between repeats work that
// changes nothing but what is still owed: the cache is behind for a moment, never for good. While Redis is away the model goes on:
// after half a minute it is noted in Aurora that the cache is owed to forget everything, and the records are done; whichever projector first reaches
// Redis again has it forget. Until then, some seconds, what it had may still show.
//
// Before a transaction its edits, deletions, reactions and verdicts are folded into the stored messages: what the model's head has passed, and
// with it the tail mark, is folded in the store. A crash in between folds again, which changes nothing.
//
// A conversation with a record that cannot be applied is parked: counted, logged as an error, tried again every few minutes, never
// skipped. Everything else that fails is an error of the call, and the consumer repeats it.
//
// While a conversation is parked its floor in the store is raised instead of its tail, or its log could expire and be taken for one that
// ends there (docs/decisions/0006).
//
// Tail marks in the store are raised at most once a minute per conversation and only to what Aurora has committed; what is owed is kept in
// Aurora, see package readmodel.
//
// # Concurrency and lifecycle
//
// Handle is called by the consumer for several partitions at a time. Run owns six loops (the cache's refresh, what the cache is
// owed, tail marks, parked conversations, the read model's partitions, the tenants' own retention) and returns when its context has ended and they have. Stop the consumer and Run together; what was not done
// is delivered again.
package project
