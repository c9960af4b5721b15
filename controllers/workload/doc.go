// Package workload builds what the operator applies in Kubernetes for one ChatCluster: configuration, ServiceAccounts,
// Deployments, Services, PodDisruptionBudgets, and the migration Job.
//
// Every function is pure: an effective spec in, an apply configuration out. The same input gives the same bytes, so a
// reconciler can tell by comparison whether anything is to be done; the golden files under testdata show what is rendered.
//
// Invariants: pods pass Pod Security "restricted"; every object is owned by its ChatCluster and carries the operator's
// labels and none of the ChatCluster's own (a GitOps tool would prune what carries them); configuration lives in
// ConfigMaps that are named by their content and never change, so a pod of an older image keeps the configuration that was
// written for it; secrets are mounted as files and are no part of any hash, because the data plane reads them again.
package workload
