// Package eventpb is the values of the Kafka topics, the contract with every consumer: fields are only added.
package eventpb
