// Package mtlstest makes certificates for tests and replaces them in a folder as the kubelet does in a mounted Secret.
package mtlstest
