// Package source says what is released: a commit, its time, and a copy of its files in a folder of its own, so that a build can be made in
// two places. It asks git, and changes nothing in the work tree.
package source
