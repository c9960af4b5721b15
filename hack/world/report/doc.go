// Package report tells a person what a long step is doing: what, how far, how long so far.
//
// A Reporter is used by one goroutine at a time for steps; each step has one goroutine of its own that ends with it.
// Output is plain lines, so that it reads the same on a terminal and in a log.
package report
