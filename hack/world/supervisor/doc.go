// Package supervisor runs a world's processes: it starts each when what it needs is ready, restarts what dies, stops
// all in reverse, and answers on a Unix socket what runs.
//
// Concurrency: one goroutine owns each component from start to stop and is the only one that touches its process;
// others talk to it through its request channel and read its published Status under a lock. Run returns when every
// goroutine and every process has ended.
//
// Lifecycle of a component: waiting (for its dependencies) → starting → ready; a death leads back to starting after a
// growing pause; more than maxRestarts deaths without a minute of health in between lead to failed, where it stays
// until someone asks for a start. A failed component does not stop the others.
//
// Invariants: no process outlives Run; a component never has two processes; stages stop from the highest down, so
// that nothing loses what it depends on while it still shuts down.
package supervisor
