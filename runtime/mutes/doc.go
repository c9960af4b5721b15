// Package mutes is what a pod knows of users who may send nothing for now.
//
// A Directory reads what was kept lately every PollEvery, and all of a month when it starts. So what is said of a user is known to every pod
// within that time, and what it knows does not depend on the cache. When reads fail the pod goes by what it knows: a mute that comes
// late costs less than a chat that stops.
//
// A user is muted until the latest end of the mutes that were said after the last lifting, in whatever order they become known. What is over
// is forgotten.
//
// A Directory is safe for concurrent use and has one goroutine, its Run.
package mutes
