// Package fault puts itself between the roles and their engines and breaks what goes through: a TCP proxy that cuts, refuses and
// stalls, a DynamoDB proxy that delays, refuses and loses answers after the write has happened, and a Kafka proxy that does so to
// producers and consumers.
//
// # Concurrency and lifecycle
//
// Each proxy owns its goroutines and ends them in Close. Its methods may be called at any time from any goroutine. What a proxy
// breaks at random is drawn from a source of its own: the rates are the plan's, which request it hits is not.
package fault
