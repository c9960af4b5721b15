// Package clients is a suite for clients of the socket protocol chat.v1, as its parent is for servers: a scripted server provokes what a
// client may meet, and checks what the client says and what it shows. Each case is a line of what docs/protocol.md has clients do.
//
// The client under test runs behind a Driver, which carries out commands and tells what it shows: in this process, or in another one that
// is spoken to by lines of JSON (Process). A client that cannot do what a case asks for leaves it out with a reason.
//
// Cases run one after the other, each with a server and a client of its own. Nothing is waited for by time alone, but for what a
// client must not do too early.
package clients
