// Package auth verifies tokens: JSON Web Tokens of the configured issuers, signed with RS256, ES256 or EdDSA by a key of the
// issuer's key set.
//
// A token's issuer and audience name its tenant, and an issuer speaks for that tenant alone; its subject is the user.
// Issuers come from the configuration and from the tenants' records; where both would speak, the configuration does, and none of them speaks
// for Admin. A tenant that is not served has its tokens refused with ErrSuspended.
// It must have an expiry, no farther ahead than MaxTokenLife. Clocks may differ by Skew.
//
// # Keys
//
// A key set is fetched at its first use, every RefreshInterval by Run, and when a token names a key that is not in it,
// then at most once every MinRefetch: whoever invents key ids makes no storm. A fetch replaces the set as a whole, so a
// key that its issuer withdrew stops working. A fetch that fails leaves the keys that are there: a key server that is down
// locks nobody out who could get in before.
//
// Tenants' own key sets are fetched when somebody needs them and they are RefreshInterval old, over https and, with PublicTransport, from
// public addresses alone: a tenant must not make a pod knock at doors inside.
//
// # Revocations
//
// Revocations knows what is revoked: a token by its id, or what was issued to a user or device up to a time. It reads what is new
// every PollEvery and tells its subscribers; after StaleAfter without a good read it calls every token's fate unknown, because a
// revocation must hold everywhere within that time.
//
// # Concurrency and lifecycle
//
// A Verifier is safe for concurrent use. It starts no goroutine of its own but those of Run, which end with its context and
// are waited for; without Run, withdrawn keys would never stop working. A fetch is made by one caller while the others wait
// for its outcome, each no longer than its own context. Revocations is safe for concurrent use too; its Run is its only goroutine,
// and subscribers are called by it and by Revoke, one call at a time, with no lock held that Check takes.
//
// # Invariants
//
// No error holds a token or a part of one. Every refusal is one of the package's errors; ErrKeysUnavailable and
// ErrRevocationsUnknown alone say nothing about the token and may be retried. Who is told of a revocation by a subscription finds
// that Check knows of it.
package auth
