// Package config is the file that every role of chatd reads at start: the operator writes it as a ConfigMap, a person may
// write it by hand. Secrets are never in it: it names the files that hold them, which are read again at each use, so a
// rotated Secret needs no restart.
//
// Parsing is strict: an unknown field, a wrong type or a missing value is an error that names the field.
package config
