// Package awsclient makes configurations of the AWS SDK for the operator: the default chain, or the credentials that a
// ChatCluster names, and the role that these assume; the Region's endpoint, or the one it names. Calls to one account and
// Region share a rate limit, whichever roles they are made in, so that a thousand ChatClusters do not use up an account's.
//
// It makes no calls itself. Credentials never appear in errors.
package awsclient
