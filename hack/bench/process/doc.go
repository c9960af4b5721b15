// Package process runs the servers that are measured, each a process of its own on the server's core, and asks them what they use.
package process
