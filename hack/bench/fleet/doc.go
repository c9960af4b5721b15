// Package fleet measures the operator: many ChatClusters on a real kube-apiserver and etcd, with strict fakes of AWS and Kafka.
//
// A Plane is the control plane and plays everybody whom it lacks: the hands that end migrations and start pods. Operator is
// the operator's process: the real manager with fakes in memory, and a private port that tells what it has asked for. Both end with
// their contexts.
package fleet
