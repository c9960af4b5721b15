// Package httpapi is what every HTTP API of the data plane has around its operations: request ids, spans, metrics, origins, faults, methods,
// problems (RFC 9457), JSON bodies within bounds, and rates. What the operations are, and who may use them, is their package's.
//
// # Concurrency
//
// Nothing here has a goroutine. A Mux and Rates are safe for concurrent use.
//
// # Invariants
//
//   - Every error is a problem, whoever raises it. What is no Refusal is ours: logged, and answered with a code that may be retried.
//   - Nothing is read before its size is known to be within a bound.
//   - A token in a URL is refused before anything is done: everything on the way logs URLs.
package httpapi
