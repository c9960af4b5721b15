// Package readmodeltest gives tests a PostgreSQL database of their own. It needs a server: the environment variable
// CHATCLUSTER_TEST_POSTGRES is a connection string of an administrator there, and a test fails without it.
//
// It has no state and no goroutines; what it makes is dropped when the test ends.
package readmodeltest
