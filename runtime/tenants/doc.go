// Package tenants is what a pod knows of the tenants that ChatTenants make: their records, which the operator writes to the store, and
// what other pods see of their use.
//
// # Records
//
// A Directory reads a record when it is first asked for and then, for as long as somebody asks, again every RefreshEvery, a hundred of
// them in a request. So a change, such as a suspension, is known within that time. A record that could not be read for StaleAfter is not
// known any more: nothing new is accepted by it, while connections stay, as with revocations. Tenants that the cluster's own
// configuration names have no record and no bounds; they are never looked up, and no record speaks for them.
//
// Whose issuer a token's is, is a claim in the store. It is kept for a while, and the record has the last word: it must name that
// issuer. Look-ups of issuers that nobody has are few a second, because anybody can ask.
//
// # Use
//
// Shares tells the others, through the cache, what this pod sees of a tenant, such as its connections, and learns what they see. What is
// left of a quota is the quota less the others' use, and never less than an equal part. Without a cache each pod gives all of it.
//
// # Concurrency and lifecycle
//
// A Directory and Shares are safe for concurrent use; each has one goroutine, its Run. Subscribers are called by Run and by
// who waits for a record, one call at a time, with no lock held that a Directory's methods take but Subscribe. Both are bounded: the records and claims that were not asked for longest are forgotten.
package tenants
