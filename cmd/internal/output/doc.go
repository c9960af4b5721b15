// Package output is how our command lines print: an answer as a table for people or as JSON or YAML for programs, and on a terminal a
// line that tells how far something is that takes long.
//
// Answers go to standard output and nothing else does; progress goes to standard error, and only where that is a terminal, so that
// pipes and logs never see it. Neither type is safe for concurrent use.
package output
