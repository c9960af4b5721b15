// Package fleet measures the operator: many ChatClusters on a real kube-apiserver and etcd, with strict fakes of AWS and Kafka.
//
// A Plane is the control plane and plays everybody whom it lacks: the hands that end migrations and start pods. Package operator is
// what is measured. Both end with their contexts.
package fleet
