// Package redis finds out whether a ChatCluster's cache answers. There is nothing to create in it, and it may be emptied
// at any moment: observing is all.
package redis
