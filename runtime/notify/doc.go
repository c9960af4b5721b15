// Package notify is the role that pushes what was not delivered. It consumes the conversations' logs and decides by marks,
// never by presence: a device that has not confirmed a message within the push delay, and whose user has not read it
// anywhere, is covered by one push for all that it has not confirmed.
//
// # Windows
//
// A conversation's first message opens a window, which is due one delay after that message was committed, so a record that
// is consumed late is pushed late and not differently. A due window is decided by an evaluation of every member; messages
// too young to be decided open the next window. A device is pushed when it has not confirmed something that is due, and the
// push then covers the younger messages too; a device that has confirmed what is due is left alone. After the pushes the
// user's `pushed` mark is raised to what every one of the user's devices is covered for.
//
// The cache's marks are asked first, and the store's only where those do not settle it: marks only rise, so the higher of
// the two is true, and a cache that is empty or down makes a push too many, never one too few.
//
// # Completion
//
// A record is done, and its offset may be committed, when the evaluation of its messages has seen every push accepted or
// refused for good, or the messages confirmed. What fails is repeated with backoff without holding back the
// conversation's next window. A restart repeats what was not done: the `pushed` mark keeps most of it from being pushed
// twice, and the collapse id, a function of tenant, conversation and user, hides the rest. A push that a platform keeps
// refusing without saying that it is for good is given up after Options.Attempts answers, with an error in the log.
//
// # Concurrency and lifecycle
//
// Handle never blocks: it files records under a mutex. Run owns one scheduler and a bounded number of evaluations, which
// share a bounded number of members looked at together; it returns when its context has ended and all of them have. Revoked
// drops a partition's windows and cuts its evaluations short. Memory is bounded by the consumer's pending records: no window
// and no evaluation exists without one.
//
// # Invariants
//
// Bodies and push tokens reach the sender and nothing else: no log, metric or error. Only messages are pushed, not the other
// entries. The sender's own devices are never pushed for the sender's message.
package notify
