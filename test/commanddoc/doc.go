// Package commanddoc writes the page of a program's commands, for tests that hold the page to what the program knows.
//
// All functions are pure but Check, which reads the page and, where it is told to, writes it.
package commanddoc
