// Package mtls is how gateways and chat pods make sure of each other: each has a certificate with a name, signed by a CA that the
// other trusts.
//
// The files are read again at every handshake, so certificates and CAs that were replaced in a mounted Secret need no
// restart and no watcher: handshakes are as rare as pods. Streams that are open stay open. While files cannot be read, or do
// not fit each other because they are just being replaced, the last good ones are used.
//
// It has no goroutine, and everything may be called from any.
package mtls
