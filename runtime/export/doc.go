// Package export writes what a cluster keeps of a user into an archive: chatd export.
//
// # The archive
//
// A ZIP file of JSON documents, one a line, in the order of their keys: devices.jsonl, conversations.jsonl, messages.jsonl, reactions.jsonl, and
// last manifest.json, which says what is in it: an archive without one was cut off. docs/export.md has every field. The same data
// gives the same bytes.
//
// What is in it is the user's: what the user has said and done, and what is kept of the user's devices and places. What others have
// said is theirs. Push tokens are secrets of the devices' and left out.
//
// # Bounds
//
// It is written as it is read: at no time more is in memory than the list of the user's conversations and one window of one log.
//
// # Concurrency and lifecycle
//
// Write is one call, without state and without goroutines.
package export
