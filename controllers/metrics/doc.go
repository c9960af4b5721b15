// Package metrics is what the operator tells Prometheus beside what controller-runtime does: the conditions of its objects, and
// its calls of everything outside Kubernetes.
//
// It has no goroutines. Conditions are read from the manager's cache at each scrape, so an object that is gone is gone from the
// metrics, too; their number is bounded. Calls are counted where they are made; their labels are names that the code
// has: services, operations and outcomes, never what a user wrote.
package metrics
