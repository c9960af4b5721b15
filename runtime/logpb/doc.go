// Package logpb is the conversation log's entries and batches: one encoding for the store, Kafka and deliveries, so that a
// batch is marshaled once on its way.
package logpb
