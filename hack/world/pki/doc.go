// Package pki makes the throw-away certificates and kubeconfigs of a world's Kubernetes.
//
// Everything lives in one folder, is kept from one `up` to the next (service account tokens and kubeconfigs stay
// valid) and is made anew when it is missing, incomplete or near its end.
package pki
