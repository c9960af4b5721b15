// Package cluster runs the roles as processes of the chatd binary in a world of real engines (hack/world), with package fault's
// proxies in between, and is the System that package check talks through.
//
// # What is isolated
//
// Each cluster has its own tables, topics, database and key prefix: clusters of one world do not meet. Close removes the database
// and the tables; topics go with the world.
//
// # Processors
//
// Every stream processor is a process of its own, as in a ChatCluster, and has faults of its own: so the others' come as often as without
// them. Lists of the tenant's have what nobody says by chance.
//
// # Concurrency and lifecycle
//
// Start returns when every role is ready. A process has one goroutine that waits for it and starts it again unless it was
// stopped; a role that ends without having been told is a Violation of its own. Close ends everything.
package cluster
