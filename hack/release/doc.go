// Command release makes a release of ChatCluster from a commit: programs and images for linux on amd64 and arm64, the chart, manifests,
// notes, SBOMs, checksums and provenance, all in dist/release/VERSION. `make release` runs it.
//
// It builds everything twice, in different folders, and gives up when one byte differs; with --cold the second build compiles all packages
// anew. A release refuses a tree with changes, and a version that CHANGELOG.md does not know. A rehearsal (--dry-run) allows both, pushes
// nothing, signs nothing, and says what it would have done.
//
// With --registry it pushes images and chart (package publish), and with --cosign has them signed.
//
// Packages: source (what is released), notes (the changelog), set (building), publish (registry and signatures). It starts no goroutines;
// an interrupt ends it between or within steps, and leaves only folders of its own behind that begin with a dot.
package main
