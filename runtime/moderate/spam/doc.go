// Package spam finds messages that are sent to many who did not ask for them: by how a sender behaves, and by what the text says.
//
// # What is looked at
//
//   - velocity: messages of a sender within a minute; fan-out: conversations that a sender writes to within ten.
//   - near-duplicate: about the same text by one sender in several conversations within an hour; spread: the same text, numbers and links aside, by
//     anybody in many.
//   - new-contacts: most of the conversations that a sender wrote to within an hour had no message of it before.
//   - new-sender-link: a link by whom nobody has seen before yesterday.
//   - classifier: what the text says (package classifier).
//
// A finding's score is the sum of its reasons' weights, 100 at most, and its reason names each with its weight.
//
// Near-duplicates are found by simhash: 64 bits of a text, of which few differ where few of its words do. A sender's latest messages are compared one by
// one, so 8 bytes for each are all that is kept and one instruction compares two; minhash would need a signature of a hundred bytes or
// more for the same certainty, and its index of bands a dozen keys a message.
//
// # State
//
// What senders did is remembered through State, by (conversation, seq), so a message that comes again counts once; it is judged as of its own
// time. An edit is judged by its text alone. Without State, or while it does not answer, the classifier alone judges: a finding is weaker, no
// message waits.
//
// # Concurrency
//
// A Detector is safe for concurrent use and starts nothing.
package spam
