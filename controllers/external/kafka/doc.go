// Package kafka keeps a ChatCluster's topics: observe, create, update, delete. A topic cannot be tagged, so there is
// nothing to release: topics are a ChatCluster's by its claim to their prefix.
//
// Observing changes nothing and never creates a topic. Partitions only grow. Only the configurations that correctness
// depends on and those that the user set are ever altered. ACLs are given to the principals that the user named, on the
// prefix; those of others are left alone. Every call may be repeated.
package kafka
