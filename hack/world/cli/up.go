package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/chatcluster/chatcluster/hack/world/deploy"
	"github.com/chatcluster/chatcluster/hack/world/host"
	"github.com/chatcluster/chatcluster/hack/world/report"
	"github.com/chatcluster/chatcluster/hack/world/sandbox"
	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// upOptions are what a world is to be like.
type upOptions struct {
	enginesOnly bool
	noOperator  bool
	noSample    bool
	nextImage   bool
	portBase    int
}

func (u *upOptions) flags(c *cobra.Command) {
	c.Flags().BoolVar(&u.enginesOnly, "engines-only", false, "no Kubernetes: PostgreSQL, Redis, Kafka, DynamoDB Local, sink and issuer alone")
	c.Flags().BoolVar(&u.noOperator, "no-operator", false, "Kubernetes and the engines, and nothing of ChatCluster in them")
	c.Flags().BoolVar(&u.noSample, "no-sample", false, "install the operator and apply no ChatCluster")
	c.Flags().BoolVar(&u.nextImage, "next-image", false, "a second image of chatd, whose version is "+nextVersion+", to upgrade to (world.json: images.chatd-next)")
	c.Flags().IntVar(&u.portBase, "port-base", -1, fmt.Sprintf("first host port; 0 takes free ones (default %d for %q, else 0)", world.DefaultPortBase, world.DefaultName))
}

func upCommand(o *options) *cobra.Command {
	var u upOptions
	c := &cobra.Command{
		Use: "up", Short: "Start the world, or bring a running one up to date", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			r := report.New(cmd.OutOrStdout())
			start := time.Now()
			w, err := up(cmd.Context(), l, u, r)
			if err != nil {
				return err
			}
			r.Printf("\nUp after %s.\n%s", time.Since(start).Round(time.Second), usage(w, !u.noSample && !u.noOperator))
			return nil
		},
	}
	u.flags(c)
	return c
}

// up takes every step from a bare machine to a world that works. Each is a no-op when it is done already.
func up(ctx context.Context, l world.Layout, u upOptions, r *report.Reporter) (world.World, error) {
	if err := ensureHost(ctx, l, u, r); err != nil {
		return world.World{}, err
	}
	if err := os.MkdirAll(l.Path("log"), 0o700); err != nil {
		return world.World{}, err
	}
	unlock, err := lockWorld(l)
	if err != nil {
		return world.World{}, err
	}
	defer unlock()

	cfg, pieces, err := gather(ctx, l, u, r)
	if err != nil {
		return world.World{}, err
	}
	if err := secrets(l); err != nil {
		return world.World{}, fmt.Errorf("keys and passwords: %w", err)
	}
	w, err := ensureSupervisor(ctx, cfg, u, r)
	if err != nil {
		return world.World{}, err
	}
	if err := awaitComponents(ctx, l, r); err != nil {
		return world.World{}, err
	}
	if u.enginesOnly {
		return w, nil
	}
	d := deploy.Deployment{
		Layout: l, World: w, Kubectl: pieces.kubectl, Helm: pieces.helm, Report: r,
		CoreDNSImage: pieces.coredns.Ref, Manager: pieces.manager.Ref, Chatd: pieces.chatd.Ref,
	}
	if err := d.Cluster(ctx); err != nil || u.noOperator {
		return w, err
	}
	w.Helm = pieces.helm
	w.Images = map[string]string{"manager": pieces.manager.Ref, "chatd": pieces.chatd.Ref}
	images := []world.Image{pieces.manager, pieces.chatd}
	if u.nextImage {
		w.Images["chatd-next"] = pieces.next.Ref
		images = append(images, pieces.next)
	}
	if err := w.Save(l); err != nil {
		return w, err
	}
	if err := r.Step(ctx, "Importing the images", l.Log("supervisor"), 3*time.Minute, func(ctx context.Context, _ *report.Status) error {
		return supervisor.NewClient(l.ControlSocket()).Import(ctx, images)
	}); err != nil {
		return w, err
	}
	if err := d.Operator(ctx); err != nil || u.noSample {
		return w, err
	}
	return w, d.Sample(ctx)
}

// lockWorld keeps two commands from changing one world at once.
func lockWorld(l world.Layout) (func(), error) {
	if err := os.MkdirAll(l.State, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(l.Path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another command is at work on world %q (%s): wait for it to end", l.Name, l.State)
	}
	return func() { _ = f.Close() }, nil
}

// ensureHost checks the machine and installs what packages can bring.
func ensureHost(ctx context.Context, l world.Layout, u upOptions, r *report.Reporter) error {
	findings := host.Check(ctx, needs(l, u))
	bad, installable := problems(findings)
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	if !installable {
		return nil
	}
	if err := os.MkdirAll(l.Path("log"), 0o700); err != nil {
		return err
	}
	logFile := l.Log("packages")
	return r.Step(ctx, "Installing Debian packages (no service of theirs is started)", logFile, 15*time.Minute, func(ctx context.Context, _ *report.Status) error {
		log, err := os.Create(logFile)
		if err != nil {
			return err
		}
		defer log.Close()
		if err := host.Install(ctx, findings, log); err != nil {
			return err
		}
		after := host.Check(ctx, needs(l, u))
		var missing []error
		for _, f := range after {
			if !f.OK {
				missing = append(missing, fmt.Errorf("%s: %s", f.What, f.Detail))
			}
		}
		return errors.Join(missing...)
	})
}

// problems splits what is wrong into what no package mends, and whether packages are missing.
func problems(findings []host.Finding) (bad []error, installable bool) {
	for _, f := range findings {
		switch {
		case f.OK:
		case len(f.Install) > 0:
			installable = true
		default:
			bad = append(bad, fmt.Errorf("%s: %s", f.What, f.Detail))
		}
	}
	return bad, installable
}

// ensureSupervisor leaves a supervisor alone that runs what is wanted, and else starts one. Ports stay what they were
// wherever they can: people and files remember them.
func ensureSupervisor(ctx context.Context, cfg world.Config, u upOptions, r *report.Reporter) (world.World, error) {
	l := cfg.Layout
	old, found, err := world.Load(l)
	if err != nil {
		return world.World{}, err
	}
	base := u.portBase
	if base < 0 {
		base = 0
		if l.Name == world.DefaultName {
			base = world.DefaultPortBase
		}
	}
	plan := world.PlanPorts(base, u.enginesOnly, old.Ports)
	if _, running := sandbox.Running(l); running {
		if found && sameWorld(cfg, old, plan) {
			return old, nil
		}
		r.Printf("→ The running world is not what is wanted (another version or other flags): it starts anew; its data stays")
		if err := stop(ctx, l, r); err != nil {
			return world.World{}, err
		}
	} else if err := stop(ctx, l, r); err != nil { // what a crash left
		return world.World{}, err
	}
	listeners, got, err := world.Listen(ctx, plan, base > 0)
	if err != nil {
		return world.World{}, err
	}
	defer func() {
		for _, tl := range listeners {
			_ = tl.Close() // the supervisor has its own
		}
	}()
	cfg.Ports = got
	if err := rotateLogs(l); err != nil {
		return world.World{}, err
	}
	if err := cfg.Save(); err != nil {
		return world.World{}, err
	}
	w := world.Describe(l, got, u.enginesOnly)
	w.Images = old.Images
	if err := writeUserFiles(ctx, l, w, cfg.Standins); err != nil {
		return world.World{}, err
	}
	if err := w.Save(l); err != nil {
		return world.World{}, err
	}
	return w, sandbox.Launch(l, listeners)
}
