// Package apiserver is a real kube-apiserver and etcd for the suites of the controllers: Main runs a package's tests with one, which ends
// with them. Package controlplane is more than that, and for users.
//
// Tests run beside each other, as many as there are processors, each in namespaces of its own. More at once would wait for the API server.
package apiserver
