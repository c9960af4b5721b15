// Package check talks through a whole data plane while things break, and verifies afterwards that it kept its promises P1 to P6.
//
// # What it does
//
// Run makes people with several devices each, direct conversations and groups, and has every device do random things: send, send many
// at once, read, go away for a moment or for long, come back. Beside that it injects the faults of its System. Every operation
// is recorded before it is made, with its answer, and so is everything that a device is shown. Then everything is healed, everybody
// comes back, and Run compares what was acknowledged with the store, with Kafka, with the read model, with every device's
// screen and with every phone's pushes.
//
// A refused operation must be nowhere, one without an answer (its device ended first) may be there, once. What is found wrong is a Violation: the
// promise, the place, and what is known of the entry.
//
// # Seeds
//
// All decisions are drawn from Options.Seed, a stream for each device and one for the faults: the same seed makes the same people, the same
// decisions in the same order and the same faults at the same times. What is in flight when a fault comes is not in the seed.
//
// # Concurrency and lifecycle
//
// A goroutine for each device and one for the faults, all owned by Run, which returns when none is left. A device's screen is written
// by its client's handler; screens, records and marks are under the run's one mutex.
package check
