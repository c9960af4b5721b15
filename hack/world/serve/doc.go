// Package serve runs the world's two HTTP servers of our own: the push sink and the token issuer. Each ends when its
// context does, and gives requests in flight a few seconds.
package serve
