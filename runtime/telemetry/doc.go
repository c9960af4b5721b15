// Package telemetry is how a role is watched beside its metrics: OpenTelemetry traces, and log records that name the trace and
// the request that they belong to.
//
// # Traces
//
// A trace begins with a client's frame or request, at the gateway, for the share of them that is configured. What it causes
// follows it: over gRPC and Kafka a W3C traceparent (https://www.w3.org/TR/trace-context/) goes along, as text, and only when the
// trace is sampled: a message that is not costs nothing. Spans hold ids, counts and codes, never bodies, tokens or addresses.
//
// Without an endpoint nothing is recorded and nothing is started.
//
// # Concurrency and lifecycle
//
// Everything here is safe for concurrent use. Open starts the exporter's goroutine, which the returned function ends: it
// exports what is left for as long as its context allows. A collector that is away costs spans, never a message.
package telemetry
