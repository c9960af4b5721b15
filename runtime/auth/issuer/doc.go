// Package issuer is a token issuer for places that have none: the local world, tests and demonstrations. It mints ES256
// tokens from a key file and serves the two documents by which others verify them. It authenticates nobody: whoever
// reads the key file may be any user, so production uses a real identity provider.
//
// # Concurrency and lifecycle
//
// A Key is immutable and safe for concurrent use; the handler holds no state but the two documents, rendered once.
// Nothing here starts a goroutine.
//
// # Invariants
//
// The private key leaves its file for nothing but signing: it is in no document, log or error. A key's id is its RFC
// 7638 thumbprint, so the same file always has the same id, and two processes that create the file at once end up with
// one key.
package issuer
