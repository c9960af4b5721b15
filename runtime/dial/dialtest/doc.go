// Package dialtest makes certificate authorities and what they sign, for tests of connections.
package dialtest
