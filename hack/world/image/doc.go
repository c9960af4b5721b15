// Package image writes container images of one static binary each, without a registry.
//
// An image's tag holds a digest of its content, so that a changed binary is a new image to Kubernetes and pods roll,
// and an unchanged one is not written again. Archives are docker-archive tarballs that containerd imports.
package image
