// Package world names what a local world consists of: its folders, its ports, its addresses, and the file
// (world.json) in which tests and people find all of it.
//
// It is pure but for reading and writing files. A world is identified by its name and state folder; two worlds share
// the cache folder and nothing else. Inside a world addresses are fixed (namespaces are its own); on the host's
// loopback ports differ by world.
package world
