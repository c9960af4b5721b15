//go:build tools

// Package etcd pins the etcd that the local world and the envtest suites run.
package etcd

import _ "go.etcd.io/etcd/server/v3"
