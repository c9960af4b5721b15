// Package chat is the chat service: it puts what happens in a conversation into its log, one batch at a time, tells the
// gateways, and sees that Kafka gets it.
//
// # What holds, and why
//
// One order, no gaps, no duplicates (P2). A batch is put under its first seq if nothing is there, and starts where the last
// one that was read, strongly consistent, ended. So of two batches for one place one wins, whoever believes to own the
// conversation, and the loser learns of it before it writes again: it reads on, and checks everything that waits as of the
// new end. Ownership is for speed alone.
//
// A put that ended in anything but success, a timeout above all, is unknown, not failed. It may land later, yet only at its
// own key: a lane repeats the same batch under the same key, or learns that the key is another's. When the time of its
// requests is up they are answered with unavailable, and the next batch competes for the same key, so the late one wins or
// loses exactly once; the lane looks for it for a while, since nobody else would publish it.
//
// A send is idempotent (P3). Before a message is put it is looked for in the window of recent names, and, where that does not
// reach back to the seq that the client knew when it composed the message, in the store. The check and the put are one: if
// another pod puts the same message in between, the key is taken and the check is made again.
//
// An acknowledgment is kept (P1). A result is sent when the store has the batch and Kafka has accepted it or the store has
// marked it as owed. Who dies in between has not answered, and who opens the lane next publishes everything after the tail
// mark once more; nothing below it is owed, since it is raised only to what Kafka has accepted or readers have applied.
//
// Kafka gets each conversation's batches in order, except around an outage: batches of the outbox may come after newer ones.
// Consumers go by seq and fetch a gap from the store.
//
// The tail never passes what a reader could still miss. Nor does a log expire beyond recall: what is above the tail when it
// expires is known by the floor, a second mark that says how far the log has been for certain. A lane raises the tail, and the
// floor where the tail may not follow, when it closes (it stays open until that has worked) and every eighth of the hot
// retention while it is busy; the projector raises the floor of what it has parked. An opening that reads less than the floor
// would give seqs out twice: it is refused until readers have caught up and raised the tail. A lane that has not looked at
// the log for an eighth of the hot retention asks for the marks before it puts, for the same reason. What this leaves is said in
// docs/decisions/0006. The model in model_test.go visits every state of two lanes under these rules, and shows what each is for.
//
// Everything is an entry. Edits, deletions, reactions, verdicts, and changes of members, roles and title are sends like messages:
// same order, same idempotency, same acknowledgment. Whether the user may is decided as of the end of the log, with the put
// as the proof that it still was the end; a refusal is given only after a look for what another pod has written. What
// changes members, roles or the title goes alone, in one transaction with them. So the last owner's leaving and the heir's becoming
// owner are one write; where a bucket has room for one entry only, the heir comes first. What a change does to its target
// is folded in later, by others: the lane knows the deletions that it has read besides. A request that finds nothing left to do
// (adding a member, deleting what is deleted) succeeds without an entry, so without a seq of its own to be found again.
//
// An erasure takes away what a user has said, as that user's own deletions, under names that its caller makes of what they are about. It is
// trusted: the user need not be a member, nor the tenant served, and a message that has left the hot retention is its caller's to
// know. So the log of who is erased ends redacted in every copy, by the same folding as every deletion.
//
// What one device sends stays in its order (P2). A send without a device has no order to keep, everything else holds. A lane takes
// requests in the order of the stream. A send names the one before it for as long as the gateway has no answer to that, and is taken only
// right behind it: the lane knows what it took last of the device, and forgets it when that, or one before it, fails with an error that is
// to be retried. So what was sent behind a refused one is refused too, however long it was under way, and a lane that has just been
// opened, or has forgotten, refuses once too often and never takes what overtakes. What names nothing begins anew: before it
// everything was answered, or it is the refused one that comes again. The model in order_test.go visits every state of that.
//
// Deliveries go to the gateways that may have a member. Left out is only one that registers all its connections and of which Redis
// says, under its lease, that it has none; when Redis does not answer in time, or the members are many, everybody is told. A lookup
// serves its conversation for a second, and who was left out by it is told the head soon after. Signals go the same way; they are
// never kept.
//
// # Concurrency
//
// A lane is a conversation's single file: a small struct in a map, with one goroutine while something waits and none
// otherwise. That goroutine alone composes, reads and puts; everything else of a lane is under its mutex. Publishing does not
// hold the next batch up: batches on their way to Kafka are kept in order beside the lane and finish in any order; answers
// leave in the order of the requests. Locks are taken in the order service, lane, audience, locator or stream; nothing that can block is done under
// one.
//
// Everything is bounded: entries and bytes per second of a conversation, entries per second of a user through this pod (a guard, not a
// quota: several pods, several times that), slots of a lane, lanes of a pod, bytes that wait for a gateway (deliveries are dropped first, their
// heads heal; results never, the stream ends instead), publications under way, time of every call, window of every lane.
//
// # Lifecycle
//
// New starts nothing. Serve owns every goroutine and returns when none is left: at the end of its context it drains. A pod
// that dies instead leaves its open lanes in the registry, and others settle them: opening a lane reads to the end, delivers
// and publishes. All of that may happen twice.
package chat
