// Package redistest starts real Redis clusters for tests: what in cluster mode is refused (keys of one command in two slots), redirected or found
// on one node alone shows only on several nodes. It needs redis-server 7 in PATH and starts nothing else.
//
// A cluster belongs to the test that asked for it and ends with it. Its nodes listen on loopback, keep nothing on disk but who they are, and have no
// replicas: it is for commands, not for failover.
package redistest
