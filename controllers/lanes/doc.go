// Package lanes keeps passes that hang from holding up the others.
//
// A pass begins in the quick lane, which has a place for each worker that the operator was given. One that takes longer than the
// patience goes on in the slow lane, and its place is another's; where the slow lane is full, too, it is cut short after
// as long again. Whoever hung for so long begins in the slow lane the next times, or comes back later, and may try the quick
// lane again after a while, which is longer each time. So those that work do not wait for those whose brokers do not answer.
//
// # Concurrency
//
// Reconcile is for many goroutines. Each pass has one more beside it, which ends with it.
package lanes
