// Package storetest is the suite that every store passes: it says what the interfaces of package store mean.
//
// Run opens a store for each of its tests. The stores may share their data: each test makes a tenant of its own and looks
// at nothing else, so the suite also runs against tables that others use.
package storetest
