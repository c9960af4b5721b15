// Package eventlog is Kafka: the topics, the producer and the consumer group loop.
package eventlog
