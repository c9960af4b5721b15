// Package pinpoint keeps a ChatCluster's push application: observe, create, delete, release. Only calls that outlive
// Pinpoint's end of life are used.
//
// The application is found by its owner's tag, which it gets at creation: nothing else has to be remembered. An account has
// about 100 applications per Region. Observing changes nothing; every call may be repeated, but two creates at once would
// make two applications: who observes next takes the one with the smallest id.
package pinpoint
