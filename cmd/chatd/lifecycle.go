package main

import (
	"context"
	"errors"
	"sync"
	"time"
)

// closeTimeout bounds what a role flushes after it has drained.
const closeTimeout = 5 * time.Second

// serve runs a role with its probes and metrics beside it: they outlive the role's drain, so that a pod that takes its time
// to stop is seen to be alive.
func serve(ctx context.Context, o *ops, addr string, run func(context.Context) error) error {
	stop := context.AfterFunc(ctx, func() { o.draining.Store(true) })
	defer stop()
	o.log.InfoContext(ctx, "starting", "version", version)
	err := beside(ctx, run, func(ctx context.Context) error { return o.serve(ctx, addr) })
	if err != nil {
		return err
	}
	o.log.InfoContext(ctx, "stopped")
	return nil
}

// beside runs main until it returns, and support for as long: support's context ends only when main has returned, so what
// main needs while it drains is still there. Support that ends early ends main, too. It waits for all of them.
func beside(ctx context.Context, main func(context.Context) error, support ...func(context.Context) error) error {
	ctx, cancelMain := context.WithCancel(ctx)
	defer cancelMain()
	supportCtx, cancelSupport := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelSupport()

	errs := make([]error, len(support)+1)
	var wg sync.WaitGroup
	for i, run := range support {
		wg.Go(func() {
			defer cancelMain()
			errs[i+1] = unlessCanceled(supportCtx, run(supportCtx))
		})
	}
	errs[0] = unlessCanceled(ctx, main(ctx))
	cancelSupport()
	wg.Wait()
	return errors.Join(errs...)
}

// unlessCanceled drops the error that only says that ctx has ended, as it was told to.
func unlessCanceled(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
