// Package pki makes the certificates with which gateways and chat pods make sure of each other: one CA per ChatCluster, one
// certificate per role.
//
// Everything is in one function, Next: what is there and the time in, what should be there out. It may be called at any
// time and any number of times; who calls it owns storing the result. Nothing is kept between calls.
//
// # Rotation
//
// Certificates and the CA are renewed when two thirds of their lifetime have passed. A new CA replaces the old one's key at
// once and is trusted beside it, yet signs nothing before every role has trusted it for the time of Overlap: by then it has
// reached every pod. The certificates that it signs then replace the old CA's, and that is trusted for another Overlap, until
// every pod has them.
//
// # Invariants
//
//   - A certificate is signed by a CA that every role has trusted for Overlap, unless the role has no usable one at all.
//   - A CA that signed a certificate in use is trusted by every role.
//   - With nothing due, what goes in comes out, byte by byte.
package pki
