// Package pool keeps clients of services by what they were made from, so that thousands of ChatClusters share few
// connections and a changed credential makes a new client.
//
// A Pool is safe for concurrent use. An entry that nobody asked for during the idle time is closed when another is asked
// for; the idle time must be longer than any use of a client, because a client is not counted while it is used. Close ends
// all of them.
package pool
