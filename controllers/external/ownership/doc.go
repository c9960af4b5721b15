// Package ownership is how the operator marks what it made on the cloud's side: by tags that name the operator and the
// ChatCluster's namespace, name and UID. The UID decides; the others are for people. It is pure.
package ownership
