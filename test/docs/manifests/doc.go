// Package manifests holds what documentation has people apply, and the changes that it has them make, against a real API server with the
// CRDs: a field that is not there, a value that is refused or a flag that kubectl does not know fails.
package manifests
