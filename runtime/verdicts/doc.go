// Package verdicts takes what processors say to the chat service, which appends it to the conversations.
//
// # What happens to a verdict
//
// An Applier sends each verdict of the topic to the pod that owns the conversation, as a gateway sends what a user writes. Its name in the log
// is the processor's name for it: a verdict that is in the log already changes nothing, however often it is said. What busy or absent
// chat pods refuse is sent again for as long as it takes, and at most for Patience where other conversations are served meanwhile. What is
// refused for good, but for that of a tenant that is being purged, goes to the dead letters with the code: a message that is none, one that has left the hot retention, a mask without
// spans.
//
// The lane that appends looks back a bounded way for what it is asked to append. A verdict that comes later than that is looked for in
// the log first, by reading all that came since: once for all such verdicts of a conversation in a batch of records.
//
// A verdict that mutes has the message's sender muted once it is in the log. Who that is the log says, not the verdict.
//
// # Concurrency and lifecycle
//
// Handle is called by the consumer, for several partitions at a time. It works on several conversations side by side, on the verdicts of one
// in their order, and returns when none of its goroutines is left. Nothing is kept between calls.
package verdicts
