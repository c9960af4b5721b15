// Package dial is how the operator and the data plane log in to Kafka, PostgreSQL and Redis: TLS with authorities and
// certificates of one's own, passwords, SCRAM, and AWS's IAM tokens.
//
// A Source is asked at each new connection, so what is rotated needs no restart. Nothing here has state of its own; all of
// it is safe for concurrent use. Secrets and tokens never appear in errors.
package dial
