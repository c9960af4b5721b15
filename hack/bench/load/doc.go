// Package load is many WebSocket clients in one goroutine: what puts a server under a load that is known in advance, and checks
// what came of it.
//
// A Loop drives the sockets by epoll; a Dialect says how clients of one server talk; a Fleet is the clients, the messages that they
// sent and the audit. Everything runs on the goroutine that calls Run: no locks, so that a generator with one core has it for
// the load.
//
// Sending is open: a message has its time, and its latency counts from then, whatever the server did meanwhile. A refused message is
// sent again as a client would, in its sender's order.
package load
