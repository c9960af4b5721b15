// Package store declares what ChatCluster keeps: conversations as logs, members, memberships, devices and tenants, and
// the interfaces through which the roles reach them. Package dynamo keeps them in DynamoDB, package embedded in Pebble;
// both pass the one suite of package storetest.
//
// # Identity
//
// Every key starts with a tenant. The types Conv and User can only be made with one, so a key without its tenant cannot
// be built; ids are validated here, once, and encoded by the implementations so that no id can forge another's key.
//
// # Concurrency
//
// Implementations are safe for concurrent use. All methods honor their context and return when it ends.
//
// # Errors
//
// ErrTaken, ErrExists, ErrNotFound, ErrInvalid and ErrInvalidID are definite answers: this call wrote nothing. Any other
// error of a write means that the outcome is unknown, and the caller must read before it goes on.
package store
