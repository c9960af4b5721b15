// Package notes finds what CHANGELOG.md says of a version. It is pure: text in, text out.
package notes
