// Package automation is an example: how somebody else's module tests its own automation of ChatClusters with test/controlplane. What is
// tested here is a made-up one, which gives a team a ChatCluster of its own.
package automation
