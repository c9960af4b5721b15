// Command byhand is a client of the socket protocol without ChatCluster's own client: docs/tutorials/client.md in Go, with nothing but a
// WebSocket library. It is one device of one user: it says what it reads on standard input to one other user, and prints what comes in.
//
//	byhand ws://127.0.0.1:18080 alice.token bob
//
// It ends with its input, when all of it is acknowledged and has come back like everybody's. One goroutine reads and writes. It does not
// reconnect: that is what runtime/client is for.
package main
