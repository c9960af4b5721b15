// Package figures is what a process measures for analytics and no log holds: how soon devices have messages, and how platforms answer pushes. A Book
// adds it up by tenant and minute, and publishes that every 15 s: a minute comes in several records, which add up.
//
// # Invariants
//
// Measuring never waits for anything but another measurement, allocates nothing once the tenant's minute has begun, and costs the same however much was
// measured. A record has its number before it is published, and keeps it: published again, it counts once.
//
// # What may be lost
//
// A process that is killed takes with it what it measured since the last publication, 15 s at most. While Kafka is away records wait; of more
// than waiting records the oldest are dropped, and chatcluster_figures_lost_total counts them.
//
// # Concurrency and lifecycle
//
// A Book is safe for concurrent use. Run publishes until its context ends; Close publishes the rest, and is to be called when nothing more is measured.
package figures
