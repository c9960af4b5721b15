// Package controlplane starts what somebody needs who tests their own automation against ChatClusters: a real kube-apiserver and etcd with
// the CRDs, the operator in this process, and fakes of everything outside Kubernetes. It may be imported from any module; an example is in
// test/automation.
//
// DynamoDB and Pinpoint are the strict fakes of the operator's own tests: they refuse what AWS refuses. Kafka is kfake, in this process.
// Nobody runs pods: World plays what AWS, the kubelet and the controllers of Deployments and Jobs would do, so that a ChatCluster that is
// applied becomes Ready within seconds; Still leaves that to the test, step by step.
//
// The binaries are found as envtest does, by KUBEBUILDER_ASSETS; in this repository `make assets` builds them and prints their folder.
//
// A ControlPlane owns its goroutines (API server, operator, world) and ends them in Stop. It may be used by several goroutines.
// Several may run in one process.
package controlplane
