package tracing

import (
	"context"
	"testing"
)

func TestOpenWithoutAnEndpointRecordsNothing(t *testing.T) {
	p, stop, err := Open(t.Context(), Options{SampleRatio: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, span := p.Tracer("test").Start(t.Context(), "x")
	if span.IsRecording() {
		t.Error("a span is recorded that nobody takes")
	}
	if err := stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOpenDoesNotWaitForTheCollector(t *testing.T) {
	p, stop, err := Open(t.Context(), Options{Endpoint: "http://127.0.0.1:1", SampleRatio: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, span := p.Tracer("test").Start(t.Context(), "x")
	span.End()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = stop(ctx) // there is no collector: what counts is that it returns
}

func TestCheckEndpoint(t *testing.T) {
	cases := map[string]bool{
		"http://collector:4317": true, "https://collector.example:4317": true,
		"collector:4317": false, "": false, "http://": false, "grpc://collector:4317": false,
	}
	for endpoint, want := range cases {
		if got := CheckEndpoint(endpoint) == nil; got != want {
			t.Errorf("CheckEndpoint(%q) ok = %t, want %t", endpoint, got, want)
		}
	}
}
