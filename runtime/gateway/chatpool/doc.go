// Package chatpool holds one stream to every chat pod and sends each conversation's messages to its owner: the pod that
// rendezvous hashing picks among the ready ones. Ownership is for speed alone; nothing here has to agree with other gateways.
//
// # Concurrency
//
// Send, Create and Ready may be called from any goroutine and never wait for a pod (Create waits for its own answer). The
// ring is an immutable slice behind an atomic pointer. Each pod has one goroutine that connects, receives and calls the
// Handler, and one that sends while a stream is up; a resolver loop starts and forgets pods. Run owns all of them and
// returns when they have ended.
//
// # Invariants
//
//   - The done function of a Send is called exactly once: with the pod's result, or with unavailable when the stream broke or the
//     answer did not come in time, or at once when no pod can take it.
//   - The calls of one stream that end by its breaking end in the order in which they were sent.
//   - A pod that says draining, or that the Service no longer lists, leaves the ring at once; its stream goes on until it ends,
//     so what is in flight finishes and deliveries still come.
//   - A lookup that fails changes nothing, and one that lists nobody does not take away pods whose streams are up: name
//     resolution may be wrong, a stream that answers is not.
package chatpool
