package main

import (
	"context"
	"errors"
	"testing"
)

var errBoom = errors.New("boom")

func TestSupportOutlivesMainsDrain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	supportAlive := make(chan bool, 1)
	var support context.Context
	started := make(chan struct{})
	err := beside(ctx,
		func(ctx context.Context) error {
			<-started
			cancel()
			<-ctx.Done() // told to stop; what follows is the drain
			supportAlive <- support.Err() == nil
			return nil
		},
		func(ctx context.Context) error {
			support = ctx
			close(started)
			<-ctx.Done()
			return ctx.Err()
		})
	if err != nil {
		t.Errorf("a clean end reported %v", err)
	}
	if !<-supportAlive {
		t.Error("support ended while main was draining")
	}
}

func TestSupportThatFailsEndsMain(t *testing.T) {
	err := beside(t.Context(),
		func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		func(context.Context) error { return errBoom })
	if !errors.Is(err, errBoom) {
		t.Errorf("error = %v, want the support's", err)
	}
}

func TestMainsErrorIsReported(t *testing.T) {
	err := beside(t.Context(),
		func(context.Context) error { return errBoom },
		func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	if !errors.Is(err, errBoom) {
		t.Errorf("error = %v, want main's", err)
	}
}
