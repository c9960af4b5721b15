// Command bench measures the data plane: `bench run S1`, usually by `make bench S=S1`.
//
// It runs itself again for the servers that it measures (`bench serve`, `bench centrifuge`), on the server's core, and is the load
// generator on the other one. docs/benchmarks.md says what the scenarios are, and what they found.
package main
