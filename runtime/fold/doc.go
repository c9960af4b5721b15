// Package fold is what an entry of the log does to the message that it targets: the one place that knows it, for the store, the read
// model and readers alike.
//
// # Rules
//
// Entries are folded in the order of their seqs. A message remembers the last one that changed it (folded); what is not later
// changes nothing, so folding may be repeated, in part or whole, by anybody.
//
//   - Only who sent a message edits it. An edit begins a new body: a mask does not fit it any more and is dropped; a flag or a hide stays until
//     it is reverted.
//   - A deletion is final: body, reactions and verdict are gone, and nothing changes the message after it.
//   - Reactions are a set of (user, emoji) in the order in which they came, bounded; beyond the bound they are ignored.
//   - A verdict on a body that an edit has replaced does not mask the new one; whose body it is, the seq of its edit says for good, or
//     else the revision. A flag or a hide is about the message and holds all the same. The
//     weaker verdict of another processor does not replace a stronger one; none reverts whatever holds.
//
// The entry of an edit holds a body too. It is redacted when the body is replaced, deleted, masked or hidden: so a deleted body is
// nowhere in the log. Folding a redacted edit changes all but the body.
//
// # Elision
//
// A stored batch must not outgrow what the store takes. A message that would make it do so is elided: its reactions go, and its body if
// an edit's entry has it. All of that is still in the log, so the read model, which has room, is the same either way; readers
// of the store take an elided message from the read model.
//
// # Concurrency
//
// Pure functions of their arguments, which they change only where they say so.
package fold
