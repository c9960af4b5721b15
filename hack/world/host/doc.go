// Package host checks what the machine must have to run a world, and installs the Debian packages that are missing.
//
// Checks only look. Installing runs apt in a mount namespace of its own where the programs that start services are
// masked: the machine gains files and no running service, and an interrupted run leaves no mask behind.
package host
