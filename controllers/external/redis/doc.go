// Package redis finds out whether a ChatCluster's cache answers, and whether it is what the spec says: TLS, login, sharding,
// version. There is nothing to create in it, and it may be emptied at any moment: observing is all.
package redis
