// Package purge deletes a tenant's data for good: chatd purge.
//
// # Order
//
//  1. It refuses a tenant that is served: its record must say that it is being deleted, or there must be none. It refuses one of which a
//     legal hold covers anything, too, and looks again at every round.
//  2. It waits until every pod has learned of that, and what was under way has ended.
//  3. It waits until the projector has applied what was published until then, so that the read model names every conversation and
//     every user, and nothing comes behind the purge.
//  4. It lists conversations from the read model and deletes each in the store, then in the read model; then users likewise; then the devices of users
//     who never had a conversation, which only a look at all devices finds; then what the cache holds.
//  5. It looks whether anything is left, and begins again if so.
//
// What is deleted from the read model last is what names the rest: a purge that was cut off goes on where it was, and one that is done
// finds nothing to do.
//
// # What is not deleted
//
// Audit entries are never deleted, but what says whom they are about is. Revocations, which hold ids alone, go when the tokens have expired; records in topics, backups and point-in-time copies when their
// retention ends. Pushes that were delivered are on phones.
//
// # Progress
//
// Progress is noted with the tenant's record, where the operator reads it, about every NoteEvery and at every step.
package purge
