package cli

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/hack/world/report"
	"github.com/chatcluster/chatcluster/hack/world/sandbox"
	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// stopGrace covers the pods' drain, then the control plane's and the engines' shutdown, each with its own bound.
const stopGrace = 2 * time.Minute

func downCommand(o *options) *cobra.Command {
	var purge bool
	c := &cobra.Command{
		Use: "down", Short: "Stop the world; its data stays unless --purge", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			return down(cmd.Context(), l, purge, report.New(cmd.OutOrStdout()))
		},
	}
	c.Flags().BoolVar(&purge, "purge", false, "delete the world's data, logs and keys as well")
	return c
}

func down(ctx context.Context, l world.Layout, purge bool, r *report.Reporter) error {
	if _, err := os.Stat(l.State); errors.Is(err, os.ErrNotExist) {
		r.Printf("World %q does not exist (%s)", l.Name, l.State)
		return nil
	}
	unlock, err := lockWorld(l)
	if err != nil {
		return err
	}
	defer unlock()
	if err := stop(ctx, l, r); err != nil {
		return err
	}
	if purge {
		return os.RemoveAll(l.State)
	}
	r.Printf("World %q is down; its data is in %s", l.Name, l.State)
	return nil
}

// stop ends the world's processes and sweeps its cgroups, also after a crash. Mounts and the network end with the
// namespaces, which end with the processes.
func stop(ctx context.Context, l world.Layout, r *report.Reporter) error {
	if _, running := sandbox.Running(l); running {
		err := r.Step(ctx, "Stopping the world", l.Log("supervisor"), stopGrace+time.Minute, func(ctx context.Context, s *report.Status) error {
			watch, done := context.WithCancel(ctx)
			var watcher sync.WaitGroup
			watcher.Go(func() { showStopping(watch, l, s) })
			defer func() { done(); watcher.Wait() }()
			if err := sandbox.Stop(ctx, l, stopGrace); err != nil {
				return err
			}
			done()
			watcher.Wait()
			s.Set("no process left")
			return nil
		})
		if err != nil {
			return err
		}
	}
	sweep, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := sandbox.Sweep(sweep, l.Cgroup()); err != nil {
		return err
	}
	for _, f := range []string{l.PIDFile(), l.ControlSocket()} {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func showStopping(ctx context.Context, l world.Layout, s *report.Status) {
	client := supervisor.NewClient(l.ControlSocket())
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		rep, err := client.Status(ctx, false)
		if err != nil {
			continue
		}
		left := 0
		for _, c := range rep.Components {
			if c.State != supervisor.Stopped {
				left++
			}
		}
		s.Set("%d of %d processes left", left, len(rep.Components))
	}
}
