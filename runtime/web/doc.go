// Package web serves the web client at /app/, out of the program itself, and tells it how people sign in.
//
// `make web` builds the client into dist, which is embedded. A program that was built without it says so, with a problem, and goes on.
//
// # Concurrency
//
// New reads, hashes and compresses everything; a Handler only reads after that, has no goroutine, and is safe for concurrent use.
//
// # Invariants
//
//   - A page of ours runs scripts of ours alone, talks to this server and to the issuers' origins alone, and is in no other site's frame:
//     every answer carries the policy that says so.
//   - What is below /app/assets/ is named after its content and may be kept for ever. Everything else is asked for again each time, so a
//     page never runs with files of two versions for longer than it is open.
//   - The configuration holds what every visitor may know: who issues tokens, and the public id of this client there. No secret is near it.
package web
