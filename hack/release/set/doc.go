// Package set builds all that a release consists of, into a folder: programs and images for linux on amd64 and arm64, the chart, manifests,
// notes, an SBOM for each program, checksums and a provenance statement.
//
// # Invariants
//
//   - What comes out depends on the source, the version, the registry, the builder's name and Go's own version, and on nothing else: not on
//     the folder, the time, the user or the order of files. Every time in it is the commit's.
//   - SHA256SUMS names every other file. Two sets are the same when theirs are.
//   - A program that is not static, is for another processor, or does not know its version fails the build.
//
// # Lifecycle
//
// Build runs `go build` and then works in the calling goroutine; it ends early with its context. It writes into its folder alone.
package set
