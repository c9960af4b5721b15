// Package embedded keeps the store in one Pebble database on local disk: for chatd dev, for tests and for benchmarks. It
// has one owner, the process that opened it.
//
// # Concurrency
//
// A conversation's log, members and memberships share one of 4096 locks, chosen by hash; a user's devices another. A write
// holds its lock exclusively over check, commit and sync, so conditions hold and whoever reads under the lock sees only what
// is durable. Writers of different conversations commit together: Pebble's commit pipeline shares one sync among all who
// wait for it. Listings that span conversations (Memberships, Outbox) read a snapshot without a lock.
//
// # Lifecycle
//
// Open, use, Close. Close waits for the calls under way; calls after it return ErrClosed. With Options.NoSync a crash of the
// machine may lose the last writes, a crash of the process those that were not yet handed to the system.
//
// # Invariants
//
// Keys are kind, ids and numbers separated by NUL, which no id contains; numbers are big-endian, so byte order is theirs.
// An outbox key exists if and only if its batch says that it is owed: both change in one commit. Nothing expires: ExpiresAt
// is only told. What the store remembers of where logs end (tops.go) is never too low: nobody else writes to its files.
package embedded
