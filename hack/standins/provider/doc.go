// Package provider stands in for an OpenID provider: whoever opens its page is whom they choose to be, without a password. It is for the
// local world, where web clients of the loopback sign people in as they would anywhere: authorization code with PKCE, refresh tokens that
// are used once, and tokens that live for minutes.
//
// # Concurrency
//
// A Provider has no goroutine and is safe for concurrent use. Codes and refresh tokens are in memory, bounded, and gone with the process:
// people then sign in again.
//
// # Invariants
//
//   - A code is used once, within a minute, by the client and for the redirect URI that it was made for, and with the verifier of its
//     challenge (RFC 7636, S256 alone). A refresh token is used once, too; one that comes again takes those that came from it along (RFC 9700).
//   - Codes and tokens go to pages of this machine alone: redirect URIs and origins are those of the loopback.
package provider
