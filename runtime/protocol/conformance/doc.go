// Package conformance is a suite for servers of the socket protocol chat.v1: it provokes, over the server's URL alone, every frame,
// error code and close code that a client can provoke, and checks what comes back. It knows nothing of who serves.
//
// Run makes users, devices and conversations of its own, so it may be run against a server that is in use. What a client cannot
// provoke (a revocation, a drain, a token that is about to expire) the Target provokes for it, where it can; what a client cannot
// see coming (3001, 3002, 3003 and 3004) is left to the server's own tests.
//
// Subtests run one after the other; a Target's functions are called from the test's goroutine.
package conformance
