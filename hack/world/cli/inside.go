package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/hack/world/engines"
	"github.com/chatcluster/chatcluster/hack/world/node"
	"github.com/chatcluster/chatcluster/hack/world/sandbox"
	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// The hidden commands of this file run inside a world's namespaces.

func initCommand() *cobra.Command {
	var state string
	var files int
	c := &cobra.Command{
		Use: "init", Hidden: true, Args: cobra.NoArgs, Short: "PID 1 of a world",
		RunE: func(*cobra.Command, []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			code, err := sandbox.Init([]string{self, "supervise", "--state-dir", state, "--files", strconv.Itoa(files)}, files)
			if err != nil {
				return err
			}
			os.Exit(code)
			return nil
		},
	}
	c.Flags().StringVar(&state, "state-dir", "", "the world's state folder")
	c.Flags().IntVar(&files, "files", 0, "how many listeners are inherited")
	return c
}

func superviseCommand() *cobra.Command {
	var state string
	var files int
	c := &cobra.Command{
		Use: "supervise", Hidden: true, Args: cobra.NoArgs, Short: "Run a world's processes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(os.Stderr, nil))
			err := supervise(cmd.Context(), log, state, files)
			if err != nil {
				log.Error("supervisor ends", "err", err)
			}
			return err
		},
	}
	c.Flags().StringVar(&state, "state-dir", "", "the world's state folder")
	c.Flags().IntVar(&files, "files", 0, "how many listeners are inherited")
	return c
}

// supervise is the supervisor's life: prepare the namespaces, run everything until ctx ends, return when all is down.
func supervise(ctx context.Context, log *slog.Logger, state string, files int) error {
	cfg, err := world.LoadConfig(state)
	if err != nil {
		return err
	}
	listeners, err := sandbox.Inherited(files)
	if err != nil {
		return err
	}
	if err := sandbox.Prepare(ctx, cfg.Layout); err != nil {
		return err
	}
	components, err := declare(cfg, log)
	if err != nil {
		return err
	}
	s, err := supervisor.New(log, cfg.Layout.Log, components)
	if err != nil {
		return err
	}
	socket, err := listenControl(ctx, cfg.Layout.ControlSocket())
	if err != nil {
		return err
	}
	control := &http.Server{Handler: supervisor.Handler(s, node.Import), ReadHeaderTimeout: 10 * time.Second}

	var ports []world.Port
	for _, p := range world.Ports() {
		if _, ok := cfg.Ports[p.Name]; ok {
			ports = append(ports, p)
		}
	}
	if len(ports) != len(listeners) {
		return errors.New("the listeners that were handed over are not those of config.json")
	}

	var wg sync.WaitGroup
	wg.Go(func() {
		if err := control.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
			log.Error("control socket", "err", err)
		}
	})
	wg.Go(func() { sandbox.NewForwarder(log).Serve(ctx, listeners, ports) })
	s.Run(ctx)
	err = control.Close() // last, so that `down` can ask how far it is
	wg.Wait()
	return err
}

func declare(cfg world.Config, log *slog.Logger) ([]supervisor.Component, error) {
	components, err := engines.Components(cfg, world.Describe(cfg.Layout, cfg.Ports, cfg.EnginesOnly))
	if err != nil || cfg.EnginesOnly {
		return components, err
	}
	n := node.Node{
		Config: cfg, Snapshotter: sandbox.Snapshotter(cfg.Layout.State),
		PodsEnd: func(ctx context.Context) { sandbox.EndPods(ctx, log, cfg.Layout.Cgroup()) },
	}
	return append(components, n.Components()...), nil
}

// listenControl replaces what a crashed supervisor left. The lock that `up` holds keeps two from meeting here.
func listenControl(ctx context.Context, path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return (&net.ListenConfig{}).Listen(ctx, "unix", path)
}
