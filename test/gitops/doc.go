// Package gitops judges resources as GitOps tools do: Argo CD by the health scripts in config/argocd, and kstatus, which Flux
// and Helm use. Its tests hold both against golden objects in every state; the reconciler's suite holds them against live ones.
//
// It has no state; Lua runs on the caller's goroutine, for a second at most.
package gitops
