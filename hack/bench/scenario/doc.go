// Package scenario holds S1 to S7, P1, P2 and O1 to O3, a file each: what is set up, measured and judged. A scenario starts the servers that it needs,
// warms them up, measures, audits, and returns one Result; it judges nothing whose audit failed.
package scenario
