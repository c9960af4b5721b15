package config

import "embed"

// Files are the CRDs (crd/bases) and the operator's role (rbac/role.yaml), as `make manifests` generates them.
//
//go:embed crd/bases/*.yaml rbac/role.yaml
var Files embed.FS
