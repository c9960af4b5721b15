package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Options say who is traced and where the spans go.
type Options struct {
	// Cluster, Role, Pod and Version name the process in its spans.
	Cluster, Role, Pod, Version string
	// Endpoint is the URL of an OTLP collector over gRPC, such as http://collector.observability:4317; https asks for TLS. Empty:
	// no traces.
	Endpoint string
	// SampleRatio is the share of requests that begin a trace, 0 to 1.
	SampleRatio float64
}

// Open returns the provider of tracers, and what ends it. It does not wait for the collector.
func Open(ctx context.Context, o Options) (trace.TracerProvider, func(context.Context) error, error) {
	if o.Endpoint == "" {
		return noop.NewTracerProvider(), func(context.Context) error { return nil }, nil
	}
	if err := CheckEndpoint(o.Endpoint); err != nil {
		return nil, nil, err
	}
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(o.Endpoint))
	if err != nil {
		return nil, nil, fmt.Errorf("open the trace exporter: %w", err)
	}
	p := NewProvider(o, sdktrace.NewBatchSpanProcessor(exporter))
	return p, p.Shutdown, nil
}

// NewProvider returns a provider that gives its spans to processor.
func NewProvider(o Options, processor sdktrace.SpanProcessor) *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(processor),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.SampleRatio))),
		// Keys of OpenTelemetry's semantic conventions for resources.
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "chatcluster-"+o.Role),
			attribute.String("service.namespace", o.Cluster),
			attribute.String("service.instance.id", o.Pod),
			attribute.String("service.version", o.Version),
		)),
	)
}

// CheckEndpoint says what is wrong with an endpoint, if anything.
func CheckEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("the OTLP endpoint is no http or https URL")
	}
	return nil
}
