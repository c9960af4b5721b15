// Package history pages through a conversation: the store while it is hot, the read model after that, in one answer without a seam.
//
// A user sees the entries of the stays in the conversation and no others: from the entry that brought the user to the one that says
// that the user left, both included, for each stay. Seqs have no gaps, so a page is known by its seqs before anything is
// read, and an answer is either complete for its seqs or an error: never a page with a hole.
//
// The end of the log is where the store has nothing after the conversation's tail mark: up to that mark all is in the read
// model, after it all is in the store. So a hot conversation's history does not need the read model at all.
//
// Messages are as the store or the read model has them, with what the page itself says of them folded in: an edit shows at once. A
// message that the store has no room for comes from the read model. What has outlived the read model's retention is the end of the
// history: pages stop before it.
//
// A Reader has no state and no goroutines; it is safe for concurrent use.
package history
