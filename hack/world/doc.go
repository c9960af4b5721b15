// Command world runs ChatCluster's local world: the engines (PostgreSQL, Redis, Kafka, DynamoDB Local, a push sink and
// a token issuer) and a real single-node Kubernetes, in network, mount and PID namespaces of their own.
//
// Packages, from the bottom: world (names, files, ports), report (progress), host (what the machine must have),
// components (binaries built once), image (images without a registry), pki; sandbox (the namespaces), supervisor
// (the processes in them), engines and node (which processes those are), deploy (the operator and the sample), cli.
//
// Two processes matter. The command that a person types runs on the host and ends. The supervisor lives on inside
// the namespaces; when it dies the kernel ends everything else there. Host ports are sockets that the command opened
// on the host's loopback and handed to the supervisor: a socket belongs to the namespace that it was made in.
package main
