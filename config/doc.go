// Package config holds the generated manifests for programs that bring them along: test control planes, installers.
package config
