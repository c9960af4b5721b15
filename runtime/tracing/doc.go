// Package tracing sends a role's spans to an OTLP collector. It is apart from what makes them, in telemetry, for those who only pass traces on:
// the exporter brings gRPC and half of OpenTelemetry along.
//
// Without an endpoint nothing is recorded and nothing is started. Open starts the exporter's goroutine, which the returned function ends: it
// exports what is left for as long as its context allows. A collector that is away costs spans, never a message.
package tracing
