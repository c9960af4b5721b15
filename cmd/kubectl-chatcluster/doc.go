// Command kubectl-chatcluster is a kubectl plugin: `kubectl chatcluster`. It shows how a ChatCluster is getting on and what is waited for,
// pauses and resumes it, asks for a plan or for a reconcile, and lists tenants and traffic.
//
// It talks to the API server alone, with the rights of who runs it; `top` reads the pods' metrics through the API server's proxy and needs
// pods/proxy. It changes spec.paused and the operator's annotations, and nothing else. It keeps no state and no connections.
//
// # Exit codes
//
// They are stable, for scripts:
//
//	0  done; for status: Ready
//	1  it failed
//	2  the command line is wrong
//	3  status: not Ready yet, and nobody is needed, or paused
//	4  status: Stalled, a person is needed
//	5  what was waited for did not come in time
package main
