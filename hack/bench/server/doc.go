// Package server is what is measured: the real gateway and the real chat service in one process, over a store of a durability class.
//
//	D0 memory alone · D1 on disk, flushed before the acknowledgment, one copy · D2 the real engines
//
// In D0 and D1 what is no store is in the process's memory and takes no time worth speaking of: marks, and a Kafka that accepts
// everything. In D2 the projector runs, too.
//
// Beside the gateway it serves a private port to the one who measures: resources used, the logs, profiles; in D2 also
// what the engines have counted, and the configuration of roles that are to run beside it.
package server
