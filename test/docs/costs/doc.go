// Package costs works out docs/costs.md: what a million messages cost, and what a million connected users need. Prices and assumptions are
// in figures.json, what a message takes is read from the table in docs/benchmarks.md, and a test holds the page to the result.
//
// All functions are pure.
package costs
