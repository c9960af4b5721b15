// Package audit is the role that keeps the audit log: who signed in, who came into a conversation and left it, what moderators and
// processors did, what administrators did, whose data was erased. It holds no message, no title, no name.
//
// # Where entries come from
//
// Membership, roles and verdicts are read from the log topic, where they are anyway. What is in no log (sessions, administration, erasure) is
// published to the audit topic. An entry's source is unique within its tenant, and the same whenever the record comes again: a batch's
// id and the entry's seq, or the audit record's id. So a record that is delivered, published or replayed again makes no entry again.
//
// # The chain
//
// A tenant's entries are numbered without gaps. Each holds the hash of the one before, and its own over everything that it says, its tenant and its
// number included (Entry.Canonical). So whoever changes, removes, inserts or moves an entry has to write every later one
// anew; and whoever does that, or cuts off the end, is found by the heads that were exported to where nobody can change them. Verify
// says which entry it is.
//
// The log topic is keyed by conversation, so several consumers append to a tenant's chain: each locks the tenant's head in its transaction, one
// lock per tenant and batch, and reads what is there only then. A chain has one writer at a time and never forks. The database refuses to
// update, delete or truncate entries; its owner could lift that, which is what the chain and the export are for.
//
// # Pseudonyms
//
// An entry names a user by an HMAC-SHA-256 of the user's id under a random key of the user's own, cut to 128 bits, and a device
// likewise. The keys are in a table beside the log, not in it, and in no export. A user's erasure destroys the key (Forget, or the entry
// user.erased itself): entries and chain stay, and nobody can compute any more for whom a pseudonym stands, not by trying all ids
// either. A conversation of two is not named, as its id is made of its members'; nor does a source say one, as a batch's id is random.
//
// # Export
//
// Export writes lines of JSON, by tenant and range of places, and a manifest with the head after each range, to a folder or to a bucket with
// Object Lock. What is there says where it goes on, so it may be cut off at any moment; it refuses to go on from a chain that is not the one that
// was exported. Manifests are the checkpoints of Verify.
//
// # Concurrency and lifecycle
//
// Handle is called by the consumer for several partitions at a time; it keeps nothing. Run owns one loop, the export, where there is one
// to make, and returns when its context has ended and the object that is being written is. A Log is safe for concurrent use.
package audit
