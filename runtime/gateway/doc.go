// Package gateway is where clients connect: WebSockets of subprotocol chat.v1 and REST under /v1 (package rest), and where
// it is wanted the web client at /app/ (package web), whose pages may connect. It authenticates,
// limits and validates, forwards sends to chat pods (package chatpool), and gives every connection every entry of its conversations in
// order. It keeps nothing that is not elsewhere: a gateway may be killed at any moment.
//
// # Lifecycle
//
// New checks, Run serves until its context ends and then drains: no new sockets, a drain frame to everyone, closes spread over the
// drain period, marks written, then return. Run waits for every goroutine that the gateway started.
//
// # Concurrency
//
// A connection has one goroutine that reads. Frames are decoded by a few workers, so that the readers' stacks stay small; a
// reader waits for its frame, so frames of one connection are handled in order. A second goroutine lives only while there is
// something to write, a third only while the connection pulls from the store.
//
// Locks, outermost first: a hub shard → conn.mu → writer.mu. Whoever holds conn.mu takes no hub lock. Store, cache and Kafka are
// called with no lock held. The marks table's lock is taken alone.
//
// The router's goroutine alone writes routes to Redis, in batches; connections queue and a hello waits a little. What others are
// told of a user (receipts, presence) is gathered in a table each, whose goroutine tells it a few times a second.
//
// # Invariants
//
//   - A cursor per (connection, conversation) knows the last seq that was queued (sent). Entries are queued in order of seq, each
//     once: a delivery that continues at sent+1 goes out directly, anything else only raises the target, and the connection
//     pulls from the store until it is there. So a delivery that was lost, doubled or out of order costs a read and no more.
//   - A connection is registered before its memberships are read, and in a conversation before that is pulled: what is committed
//     before is found in the store, what comes after is announced.
//   - A delivery is a hint. What heals a lost one: the pod's next head, another pod's settling, a probe of the conversations of a
//     pod whose stream broke, and a slow probe of every conversation that has a connection.
//   - A connection has its route in Redis before its memberships are read, or the chat pods are told to deliver everything here:
//     a gateway is left out of deliveries only while all its connections are registered under a lease that holds. Redis emptied,
//     slow or away delays no hello and costs deliveries that nobody needs, no more.
//   - A device has one connection: the newer one takes the route, and the older is closed when its gateway is told by way of a chat
//     pod, or at its next renewal.
//   - Typing, receipts and presence may get lost, are told to members (of a direct conversation, for presence) alone, and go first
//     when a connection is behind.
//   - What a user may see is decided by the log: a pull stops at the entry that removes the user and goes on at the one that adds
//     the user again.
//   - Up to sendWindow sends per (connection, conversation) are with one chat pod, on one stream, in order; the others wait. Each names
//     the one before it until that is answered, and the pod takes it behind that one or not at all. The owner changes with nothing in
//     flight. After a retryable error everything behind it is refused, by the pod what was in flight and by the gateway the rest,
//     until the refused one comes again. A gate that waits in vain ends the connection. Acks are given in order.
//   - A read mark is what a client says. Sending raises none: what came before the sender's own entry may not have been shown.
//   - A connection lives by one token. Revocations are looked up after the connection is registered, and again when one becomes
//     known, so none falls in between. What is not known closes nothing.
//   - A connection's queue is bounded in bytes. Live entries over the bound close it with a resumable code; a pull waits for room.
//   - What is held for all connections together (read, pulled, waiting to be written) is bounded too: above the soft bound nobody
//     new is taken in and the slowest are closed with the resumable code, and no backlog grows beyond the hard one.
//   - A frame is looked at byte by byte for its depth and number of values before anything is allocated for its content.
package gateway
