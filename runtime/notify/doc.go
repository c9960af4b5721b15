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
// What the log says of a message before its push goes out changes the push: an edit shows the new body, a deleted or hidden
// message is as if it had never been sent, a masked one shows nothing of its body. Each attempt looks anew.
//
// # Work
//
// Members are listed once for a window, and decided in chunks of a hundred: their marks are one pipeline to the cache, their
// pushes one call of the sender, which puts those that are alike into one request. The store is asked for a member's devices
// where the cache's marks leave something owed and the devices were not read since the message, and for the membership where
// that leaves something owed too. Marks only rise, so the higher of
// cache and store is true, and a cache that is empty or down makes a push too many, never one too few.
//
// A tenant may have a push application of its own: its pushes go through that alone, and wait while it cannot be told which it is.
//
// # Content
//
// A push is in the language of its device's locale, from a table of texts that count as each language does (texts.json). One message
// shows its body, more show their number; a group's push has the group's title. The number is of all messages of
// others that the device has not seen: a push takes the place of the one before it, so what that one was about counts
// again, from the log, up to a bound ("99+"). Private pushes have neither title, sender nor body. A push to an iPhone carries
// the user's unread total of the read model, which is derived from marks and cannot drift; without the read model it has none.
//
// # Completion
//
// A record is done, and its offset may be committed, when the evaluation of its messages has seen every push accepted, put
// off or refused for good, or the messages confirmed. What fails is repeated with backoff without holding back the
// conversation's next window. A restart repeats what was not done: the `pushed` mark keeps most of it from being pushed
// twice, and the collapse id, a function of tenant and conversation, hides the rest. A push that a platform keeps refusing
// without saying that it is for good is given up after Options.Attempts answers, and is a dead letter then. A token that is
// refused as such Options.Strikes times in a row gets no pushes until its device registers again.
//
// # Later
//
// Three things put a push off: the device's quiet hours, the user's rate, and a platform whose circuit stays open. Offsets do
// not wait for them. A deferral is written to the store before the record is done, under its due time, user, device and
// conversation, so what comes meanwhile adds nothing to it. Every pod sweeps the deferrals that are due, shard by shard under a
// claim in the cache that only saves work, and decides each anew, by the marks, the preferences and the log of that moment:
// what was read meanwhile is not pushed. A pod looks at a shard when what it knows of there is due, and rarely else: a deferral whose
// pod has died comes late by that at most, and no later than the pod's successor, which looks at every shard when it starts. A
// deferral is removed after its push is settled, and moved by writing the new one first, so a crash repeats a push and loses
// none. A rate gives each push its place up to an hour ahead.
//
// A muted conversation is not pushed at all, neither when the mute ends: its user has chosen so.
//
// # Concurrency and lifecycle
//
// Handle never blocks: it files records under a mutex. Run owns one scheduler, a bounded number of evaluations, which share a
// bounded number of members looked at together, and the sweeper; it returns when its context has ended and all of them have.
// Revoked drops a partition's windows and cuts its evaluations short. Memory is bounded by the consumer's pending records, as
// no window and no evaluation exists without one, and by the chunks and pages under way.
//
// # Invariants
//
// Bodies and push tokens reach the sender and nothing else: no log, metric, error or dead letter. Only messages are pushed, not
// the other entries. The sender's own devices are never pushed for the sender's message.
package notify
