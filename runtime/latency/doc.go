// Package latency is how latencies are sketched, wherever they are measured and wherever they are kept: by DDSketch, in milliseconds, exact to
// 1 % of the value. Sketches add up, so what many processes measured is one figure in the end.
//
// # Invariants
//
// All sketches have one mapping and at most maxBins bins: Decode refuses others, so what it returned can be merged.
//
// # Concurrency and lifecycle
//
// A sketch belongs to one goroutine at a time. Nothing runs by itself.
package latency
