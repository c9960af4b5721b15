// Package components builds and fetches the programs that a world runs, once, into a cache shared by all worlds.
//
// Every set of programs has a folder named after a hash of what it is made from (module files, sources, flags), and
// is made in a temporary folder that is renamed when whole: an interrupted build is never taken for a done one, and
// a change of version never overwrites what a running world uses. A lock per set keeps two `up` from building the
// same one at once.
package components
