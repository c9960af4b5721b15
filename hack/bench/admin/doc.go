// Package admin is the private port of a process that is measured: what it has used, profiles, metrics.
package admin
