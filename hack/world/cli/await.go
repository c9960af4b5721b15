package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/report"
	"github.com/chatcluster/chatcluster/hack/world/sandbox"
	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// awaitComponents waits until everything in the world is ready, and says what it waits for.
func awaitComponents(ctx context.Context, l world.Layout, r *report.Reporter) error {
	client := supervisor.NewClient(l.ControlSocket())
	return r.Step(ctx, "Starting the world's processes", l.Log("supervisor"), 4*time.Minute, func(ctx context.Context, s *report.Status) error {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			rep, err := client.Status(ctx, false)
			if err == nil {
				waiting, failed := sortOut(rep.Components)
				if failed != nil {
					return failed
				}
				if len(waiting) == 0 {
					s.Set("%d processes ready", len(rep.Components))
					return nil
				}
				s.Set("%d of %d ready; waiting for %s", len(rep.Components)-len(waiting), len(rep.Components), strings.Join(waiting, ", "))
			} else if _, running := sandbox.Running(l); !running {
				return fmt.Errorf("the supervisor ended: %s", tail(l.Log("supervisor")))
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return errors.Join(ctx.Err(), whatFailed(context.WithoutCancel(ctx), client))
			}
		}
	})
}

// sortOut names what is not ready yet, and what will not become so.
func sortOut(components []supervisor.Status) (waiting []string, failed error) {
	for _, c := range components {
		switch c.State {
		case supervisor.Ready:
		case supervisor.Failed:
			failed = errors.Join(failed, fmt.Errorf("%s does not run: %s\n  its log: %s", c.Name, c.Error, c.Log))
		default:
			name := c.Name
			if c.Error != "" {
				name += " (" + c.Error + ")"
			}
			waiting = append(waiting, name)
		}
	}
	return waiting, failed
}

// whatFailed adds each late component's last error and log to a timeout.
func whatFailed(ctx context.Context, client *supervisor.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	rep, err := client.Status(ctx, false)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range rep.Components {
		if c.State != supervisor.Ready {
			errs = append(errs, fmt.Errorf("%s is %s %s\n  its log: %s", c.Name, c.State, c.Error, c.Log))
		}
	}
	return errors.Join(errs...)
}

// tail is the last few lines of a log.
func tail(file string) string {
	const most = 2000
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-most):]))
}
