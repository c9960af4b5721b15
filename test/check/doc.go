// Package check talks through a whole data plane while things break, and verifies afterwards that it kept its promises P1 to P6.
//
// # What it does
//
// Run makes people with several devices each, direct conversations and groups, and has every device do random things: send, send
// many at once, edit, delete, react, bring and remove members, read, mute, go away for a moment or for long, come back. All of it
// goes through the gateways, over the socket or over REST; judges say verdicts to the chat pods, beside the gateways.
// Phones that leave for long may have quiet hours. Beside that it injects the faults of its System. Every operation is recorded
// before it is made, with its answer, and so is everything that a device is shown. Then everything is healed, everybody comes
// back, and Run compares what was acknowledged with the store, with Kafka, with the read model, with what the gateways show, with
// every device's screen and with every phone's pushes.
//
// A refused operation must be nowhere, one without an answer (its device ended first) may be there, once. What is found wrong is
// a Violation: the promise, the place, and what is known of the entry.
//
// # Processors
//
// Where the System has processors, people write now and then what one of them finds. What Kafka was given is what they saw: of every body
// with the lure of one that is sure of it there must be one verdict, of no body two, and none of a body without. Where audit and
// analytics run (Books), the chain of the audit log must be whole, and both must have what the logs have, each entry once.
//
// # Pushes that must not be
//
// When a message was said before a mute or quiet hours, its push may have been on its way. When it was said after the wish was
// taken, whoever decides about it has read the wish, however slow it is: a push about it that comes before the mute or the night
// ends is a violation. A mute that is not known to have been taken excuses a missing push and forbids none. Quiet hours excuse
// nothing: what came meanwhile is pushed when they end. What a processor has hidden need not be pushed.
//
// # Seeds
//
// All decisions are drawn from Options.Seed, a stream for each device, one for the judges and one for the faults: the same
// seed makes the same people, the same decisions in the same order and the same faults at the same times. What is in flight when
// a fault comes is not in the seed. A fault with a time of its own comes in every run: without it a broken promise could go
// unseen in a short one.
//
// # Concurrency and lifecycle
//
// A goroutine for each device, one for the judges and one for the faults, all owned by Run, which returns when none is left.
// A device's screen is written by its client's handler; screens, records, wishes and marks are under the run's one mutex.
package check
