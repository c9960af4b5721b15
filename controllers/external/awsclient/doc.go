// Package awsclient makes configurations of the AWS SDK for the operator: the default chain, or the credentials that a
// ChatCluster names; the Region's endpoint, or the one it names. Calls that share credentials and a Region share a rate
// limit, so that a thousand ChatClusters do not use up an account's.
//
// It makes no calls itself. Credentials never appear in errors.
package awsclient
