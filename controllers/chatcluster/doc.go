// Package chatcluster reconciles ChatClusters.
//
// One pass is: fetch, finalizer, paused?, effective spec, phases, one status patch. Every phase runs, whatever happened to
// the others; each observes its concern, makes at most the next step, and returns facts. Nothing waits: what takes time is
// a fact and a requeue. Facts become conditions in chatcluster_status.go alone, and what may be rolled out is decided by
// the table in gates.go alone.
//
// # Concurrency
//
// Passes of different ChatClusters run concurrently; of one never. The only state between passes is the memo, which saves
// observing what was found as wanted a few minutes ago, and spaces out changes that do not stick, and the reports, which hold back
// what a status would say of progress alone; both may be lost at any moment.
//
// # Memory
//
// A ChatCluster has dozens of children, and a fleet tens of thousands. The cache keeps of each what every pass looks at, and the rest as what tells
// it from others of its kind (packed.go, alike.go); what many objects say alike is kept once (words.go). Of Secrets it knows versions alone: what
// was read of them holds until there is another.
//
// # Invariants
//
//   - The spec is never written. An unchanged ChatCluster causes no write, in Kubernetes or on the cloud's side.
//   - Children are applied with one field owner, and only when the live object lacks something of what would be applied.
//   - What another owns is never changed and never deleted: tables and the push application by tag, children by owner
//     reference, topics and the database by the older ChatCluster's claim.
//   - A pass may die anywhere: the next one finds out what is there and goes on.
package chatcluster
