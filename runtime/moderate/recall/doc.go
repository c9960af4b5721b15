// Package recall is what detectors remember of senders, in Redis: when they were first seen, what they have sent lately, whom they write to,
// and in how many conversations a text is.
//
// # Promise
//
// Whatever is noted may be noted again, by anybody, in any order, and is there once: what is remembered are sets whose members are (conversation, seq)
// or a conversation, with the earliest time. Answers are as of a message's own time, not of the clock, so the same messages get about the
// same answers again. Every set has a bound and a time to live. Redis may be emptied or be away: then less is known, and a detector's finding
// is weaker. Nothing that people wrote is kept: of a text, 64 bits of a hash.
//
// # Keys
//
// Every key starts with the cluster's prefix and the detector's name, and has its tenant; ids are escaped (store.Escape). A sender's keys have one hash
// tag, so one script changes them in cluster mode as well.
//
//	mod#detector#r#{tenant#user}    sorted set by time: conversation, seq and hash of the latest messages; at most MaxRecent; twice the window
//	mod#detector#k#{tenant#user}    sorted set by time: conversations by the first message to each, and when the user was first seen; MaxContacts; 30 days
//	mod#detector#t#{tenant#hash}    sorted set by time: conversations in which a text is; MaxSpread; twice the window
//	mod#detector#since#{tenant}     since when a tenant's senders are remembered; 90 days
//
// A user's erasure has each detector Forget it, a tenant's purge deletes all of its keys (cache.ForgetTenant).
//
// # Concurrency and lifecycle
//
// A Redis is safe for concurrent use and starts nothing besides its client's connections, which Close ends. A call is a round trip
// for every hundred senders or texts, each with a deadline of a second besides the caller's; its errors carry no values. Guard is what a detector asks through, so that a Redis that is
// away is asked again only now and then.
package recall
