// Package docs reads the Markdown pages of this repository, for tests that hold them to what is true: links lead somewhere, commands are
// words that the programs know, manifests are accepted (package manifests, on a real API server).
//
// A block in `sh` is commands, one in `yaml` is manifests, or what is to be merged into the production sample where it has no kind. All
// functions are pure but Pages, which reads files.
package docs
