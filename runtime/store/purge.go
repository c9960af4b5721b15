package store

import "context"

// Purges deletes a tenant's data, or a user's, for good. Nobody may write it meanwhile: what is written behind a purge stays. All of it may be repeated,
// and goes on where it was cut off.
type Purges interface {
	// PurgeConversation deletes a conversation with its log, its members and their memberships. through is a seq that its log has
	// reached, as far as is known: batches that are beyond what the conversation itself says are found up to there.
	PurgeConversation(ctx context.Context, c Conv, through uint64) error
	// PurgeUser deletes a user's memberships and devices.
	PurgeUser(ctx context.Context, u User) error
	// PurgeDevices deletes the devices and deferred pushes of all of the tenant's users, and returns how many. It looks at those of all
	// tenants: there is no list of a tenant's.
	PurgeDevices(ctx context.Context, t Tenant) (deleted int, err error)
	// PurgeDeferrals deletes a user's deferred pushes, and returns how many.
	PurgeDeferrals(ctx context.Context, u User) (deleted int, err error)
	// RedactEdits takes the bodies out of the stored edits with these seqs: of those whose message is not stored any more, so that no fold
	// finds them. Other entries stay as they are.
	RedactEdits(ctx context.Context, c Conv, seqs ...uint64) error
}
