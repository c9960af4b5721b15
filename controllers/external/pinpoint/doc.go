// Package pinpoint keeps a ChatCluster's push application and its channels: observe, create, delete, release. Only calls that
// outlive Pinpoint's end of life are used.
//
// The application is found by its owner's tag, which it gets at creation: nothing else has to be remembered. An account has
// about 100 applications per Region. Observing changes nothing; every call may be repeated, but two creates at once would
// make two applications: who observes next takes the one with the smallest id.
//
// Pinpoint tells no credentials. What a channel was given is known by a fingerprint in a tag of the application, together
// with the version that the channel had then: other credentials, and a channel that somebody else changed, are noticed.
package pinpoint
