// Package dynamo keeps the store in DynamoDB, and declares the tables that the operator makes for it.
//
// # Items
//
// A batch is one item: pk `T#tenant#C#conversation#bucket`, sk its first seq, b the protobuf of logpb.Batch; expires_at
// and outbox only where they are needed. Attribute names are short so that a lone small message stays within one write
// unit (1 KB, keys and names included). Ids are escaped (store.Escape): none can reach into another's key.
//
// # Writes
//
// Append is one conditional PutItem and is never repeated by the SDK: after a lost answer a repetition would find its own
// item and call it ErrTaken although this very call wrote it. So ErrTaken means that this call wrote nothing, every other
// error that the outcome is unknown, and in both cases the caller reads the key and compares the batch's id. Create and
// ChangeMembers (members, roles and the title, at most 92 actions of the 100 that one may have) are transactions with the client token that the SDK makes for each call, which DynamoDB honors for ten
// minutes: there the SDK's repetitions are safe. A transaction that others' got in the way of is tried again a few times
// here. Fold replaces a batch on the condition that its bytes are still those that it was made from: what another writer did, or the TTL
// removed, meanwhile is never overwritten nor brought back, and a repetition finds its work done. All other writes are updates that may be repeated: marks only rise, flags are set or removed, and each is
// conditional on the item, so none creates one.
//
// # Concurrency and lifecycle
//
// A Store is stateless above its client; it starts nothing and needs no closing. Every request has a deadline of its own
// besides the caller's: 2 seconds for an append, 5 for others, repetitions included. Listings ask page by page and check
// the context between pages. All reads are strongly consistent but Outbox, whose index follows the table.
package dynamo
