// Package cli is the command line of the local world: it puts the other packages together, and holds no logic that
// could live in one of them. It is the only package that reads flags.
package cli
