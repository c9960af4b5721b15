// Package e2e tests the product as its users meet it: the operator from its chart, the sample ChatCluster, real pods on a
// real node, real engines; only phones are stood in for, by the push sink.
//
// The tests need a world of their own: `make test-e2e` starts one and names its description in CHATCLUSTER_WORLD. They run
// in one order, since they share the one ChatCluster, and the last ones delete it.
package e2e
