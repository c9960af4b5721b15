// Package node declares the processes of a single-node Kubernetes: etcd, the control plane, containerd, the kubelet
// and kube-proxy, with the settings that a machine without systemd, without every kernel module and without full
// capabilities needs.
//
// It declares and renders; the supervisor runs. The cluster's state (etcd, images) survives `down`: a later `up` looks
// to Kubernetes like a node that was rebooted.
package node
