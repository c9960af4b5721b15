// Command pause is PID 1 of a pod's sandbox: it holds the pod's namespaces, reaps what is orphaned in them, and ends
// when it is told to.
package main
