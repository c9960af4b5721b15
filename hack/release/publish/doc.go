// Package publish puts a set into a registry and has cosign sign it.
//
// # Invariants
//
//   - A version is published once: a tag that is there with other content is left alone and is an error. What is there already with the
//     same content is not sent again, so that an interrupted release can be repeated.
//   - What is signed is named by its digest, never by a tag.
//   - Credentials are those of the registry's own client (docker's configuration); none is read here.
package publish
