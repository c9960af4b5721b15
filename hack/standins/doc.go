// Command standins serves what no engine exists for in the local world: the push sink, which stands in for Pinpoint, and
// a token issuer, which stands in for an identity provider. It also mints the demo users' tokens.
//
// It is a program of the product's module, and not of hack/world, so that the world's own dependencies are few and do
// not move with the product's. Each server ends on SIGTERM or SIGINT and gives requests in flight a few seconds.
package main
