// Package erase takes a user out of everything that a cluster keeps: chatd erase.
//
// # Order
//
//  1. It refuses who is under a legal hold, and looks again before each conversation.
//  2. It takes the user's tokens back and waits until every pod knows, and what was under way has ended.
//  3. It waits until the projector has applied what was published until then, so that the read model has all that the user said.
//  4. In each conversation that the user is or was in, it has the chat service append a deletion for each message, take each reaction back,
//     and have the user leave. These are entries like any other: the other members' devices, the store, the read model and inboxes
//     follow by themselves, and a replay of the topics ends with them, redacted.
//  5. It waits for the projector again, and looks at everything once more: nothing must be left. What is (a conversation is
//     parked, say) is an error that names it.
//  6. It deletes devices, deferred pushes, memberships, the read model's places and what the cache has, and has the audit log forget the
//     key that turns the user into a pseudonym.
//  7. It keeps the report.
//
// # Killed anywhere
//
// Every step may be repeated. What is asked of the chat service is named by the erasure's id, which the read model keeps, and by what it is about,
// so a repetition finds its entry; the id is random, so that nobody takes the name first. Counts are of such entries in the logs, not of what
// one process did: the report is the same however often it was cut off. What names the rest, the memberships, goes last.
//
// # What remains
//
// The user's id in the order of other people's conversations: who joined, left and sent what is gone by now. An order of entries
// without who caused them could not be checked, folded or replayed. Copies of the bodies in topics, point-in-time copies and backups go when
// their retention ends; the report says when. docs/erasure.md says all of it.
//
// # Concurrency and lifecycle
//
// Run is one call, with a bounded number of conversations, and of requests of each, at a time; it starts nothing that outlives it.
package erase
