// Package push declares how pushes are sent: one interface, Sender, which package pinpoint implements with AWS End User
// Messaging Push and package sink's server stands in for. A Breaker in front of a sender keeps a platform that refuses
// everything from being called for every message.
//
// # Concurrency and lifecycle
//
// Senders are safe for concurrent use, start no goroutine, and return within their context: there is nothing to close.
//
// # Invariants
//
// Send answers each message with one result, in order, and never panics for its content. A push token is a secret and a
// title or body is private: Message prints and logs as neither, and no result or error holds one.
package push
