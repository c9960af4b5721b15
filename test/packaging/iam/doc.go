// Package iam makes the IAM policies in config/iam, one per component, from the code: from the small interfaces that each role
// declares for what it needs of the store, and from the calls that their implementation makes.
//
// A role's calls of DynamoDB are found in three steps. What cmd/chatd hands the store to, for that role, are interfaces: their
// methods are all that the role can call. Each of those methods of runtime/store/dynamo reaches calls of the SDK and names
// of tables. Their product is allowed, and nothing else. The operator's calls are the methods of its own interfaces. Topics are
// found likewise.
//
// It type-checks the packages; nothing of them is run.
package iam
