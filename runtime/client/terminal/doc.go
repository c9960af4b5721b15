// Package terminal is a chat in a terminal: a line is sent, a line that begins with a slash is a command, and what comes in is
// printed with its conversation, seq and sender. It works as well with pipes in place of a terminal.
//
// Run owns two goroutines, one that reads the input and one that prints what becomes of sent messages, and returns when both have
// ended, with one exception: a read of the input that is still waiting when the chat is over ends with the input itself. All output
// goes through one lock, so lines never mix.
package terminal
