// Package dev starts what the data plane needs in one process, for people who build clients and for tests: the embedded store
// (Pebble), an in-process Kafka (kfake) and Redis (miniredis), the token issuer, the push sink, and PostgreSQL from the
// machine's own package as the one child process. It composes no role: package main of cmd/chatd does, from the
// Config and Store that Start returns.
//
// # Lifecycle
//
// Start returns when everything answers and the read model's schema is there; Watch returns when its context ends or PostgreSQL does;
// Close ends everything and waits for it, in the order that keeps what was committed. Options.Dir belongs to one process at a time: the
// store's lock says so before anything else is touched.
//
// When the process is killed, the kernel tells PostgreSQL to stop. Should it still run when the next Start comes, it is
// stopped then. The store and Kafka's log are on disk; Redis begins empty each time, as the product allows.
//
// # Durability
//
// What the store acknowledges is on disk (group commit). PostgreSQL runs without fsync: a crash of the machine, unlike one of the
// process, may cost the read model.
//
// # Concurrency
//
// Methods of Engines may be called from any goroutine; Close once.
package dev
