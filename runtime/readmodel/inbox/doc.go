// Package inbox lists a user's conversations by last activity, with a summary and an unread count: through Redis, then Aurora.
//
// # What the cache holds
//
// Two things, versioned apart: the user's list of places (membership, read mark, and the preferences as the store has them), dropped by the
// projector when one of them changes and by whoever changes preferences,
// and each conversation's summary, replaced by the projector when it has a newer one. So a message in a group of a thousand
// refreshes one summary and its sender's list. The order is made from the summaries at each read.
//
// # Invariants
//
// Redis may be emptied or away at any moment: what it does not have comes from Aurora, and the answer is the same. What a reader puts into
// the cache lives only as long as nothing is known to have changed: a replica that lags behind an emptied Redis is wrong for about
// twice its lag. After its first error in a request the cache is left alone for the rest of it. The read mark is the higher of what the list and the fast marks say; unread is the
// difference of two running counts, the later as of the summary, the earlier as of the mark. Who came after the last
// message does not see it; who left sees the conversation as it was then.
//
// Preferences are kept in the store's memberships alone and joined when a list is made: the model knows nothing of them. A change drops the list
// after the store has it. When the cache cannot be told the projector is asked, by a mark that marks nothing, and tells it when it is back;
// a change that neither takes is reported as failed, to be repeated.
//
// # Concurrency and lifecycle
//
// A Reader has no goroutines and no state besides its metrics; it is safe for concurrent use.
package inbox
