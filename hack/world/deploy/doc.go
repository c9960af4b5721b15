// Package deploy puts ChatCluster into a running world, by the ways that its users have: helm for the operator, kubectl
// for everything else. It runs on the host, through the world's forwarded API server.
//
// Every step is an apply or an upgrade and may be repeated; every wait says what it waits for and has a deadline.
package deploy
