// Package chattenant reconciles ChatTenants: it takes a tenant's claims on its id and its issuer in the cluster's tenants table, keeps
// the tenant's record there as the spec says, and on deletion retains or purges the tenant's data.
//
// One pass is: fetch, finalizer, find the cluster and whether it allows the namespace, read the claims, decide (claims.go, which is
// pure), at most one write, one status patch. The runtime learns of a record by reading the table.
//
// # Claims
//
// The record under a tenant's id names its owner: namespace, name and UID. It is written on the condition that it is still what was
// read, together with the claim on its issuer and on the condition that this is nobody else's: of two who claim, one gets both. Who
// comes second is Stalled, and is told nothing of who came first. Claims whose ChatTenant is gone stay: only the cluster's owner
// releases them, to a namespace, by an annotation on the ChatCluster.
//
// # Pushes
//
// A tenant may have a push application of its own, with credentials from Secrets in its namespace, where the cluster's owner allows it. It
// is found by its owner's tags like a cluster's, and made only for who holds its claims. The record names it once it is there. A tenant is
// served while its application is not as wanted, and is not Ready then.
//
// # Concurrency
//
// Passes of different ChatTenants run concurrently; of one never. There is no state between passes. Thousands of ChatTenants are the
// normal case: a pass lists nothing, and a change of a ChatCluster or of a namespace's labels finds its tenants by index.
//
// # Invariants
//
//   - The spec is never written. An unchanged ChatTenant causes no write, in Kubernetes or in the table.
//   - What another holds is never changed: neither its record nor its claim.
//   - Data is deleted only for the record's owner, after the record has said for long enough that the tenant is going.
package chattenant
