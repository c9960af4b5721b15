// Package telemetry is how work is told apart beside metrics: which OpenTelemetry trace it is part of, and log records that name the trace and
// the request that they belong to.
//
// # Traces
//
// A trace begins with a client's frame or request, at the gateway, for the share of them that is configured. What it causes
// follows it: over gRPC and Kafka a W3C traceparent (https://www.w3.org/TR/trace-context/) goes along, as text, and only when the
// trace is sampled: a message that is not costs nothing. Spans hold ids, counts and codes, never bodies, tokens or addresses. Where they go is
// tracing's.
//
// # Concurrency and lifecycle
//
// Everything here is safe for concurrent use, and nothing runs on its own.
package telemetry
