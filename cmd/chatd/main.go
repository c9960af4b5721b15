package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // quiet hours have zones, and the image made from scratch has no database of them

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace"
	_ "golang.org/x/crypto/x509roots/fallback" // the image is made from scratch and has no roots of its own

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/telemetry"
	"github.com/chatcluster/chatcluster/runtime/tracing"
)

// version is stamped by the build.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func execute(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	started := false
	root := rootCommand(&started)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(errOut, "chatd: %v\n", err)
		if !started {
			return 2
		}
		return 1
	}
	return 0
}

// rootCommand is the whole command line. It sets started once the command line is right.
func rootCommand(started *bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "chatd",
		Short: "ChatCluster's data plane",
		Long: "chatd is ChatCluster's data plane. Each role is a subcommand that reads the same configuration file.\n\n" +
			"Exit codes are stable: 0 a clean end; 1 it failed, or found what it looked for wrong (check, audit verify), and standard error says why; " +
			"2 the command line is wrong. Answers go to standard output, all else to standard error.",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		// What goes wrong before this is the command line's fault.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateRequiredFlags(); err != nil {
				return err
			}
			*started = true
			return nil
		},
	}
	for _, d := range detectors {
		root.AddCommand(roleCommand(d.name, d.short, d.run))
	}
	root.AddCommand(
		roleCommand("gateway", "Serve clients: WebSocket and REST", runGateway),
		roleCommand("chat", "Keep the order of conversations", runChat),
		roleCommand("notify", "Push what was not confirmed", runNotify),
		replayCommand(),
		roleCommand("admin", "Serve administrators, moderators and auditors", runAdmin),
		roleCommand("project", "Project conversations into the read model", runProject),
		roleCommand("analytics", "Count what happens, by tenant and time", runAnalytics),
		auditCommand(),
		migrateCommand(),
		purgeCommand(),
		reprojectCommand(),
		eraseCommand(),
		exportCommand(),
		holdCommand(),
		tokenCommand(),
		clientCommand(),
		devCommand(),
		checkCommand(),
	)
	return root
}

// role is what a role's constructor gets.
type role struct {
	name string
	// pod names this process to others; a pod's host name is its name.
	pod    string
	listen string
	cfg    *config.Config
	log    *slog.Logger
	// tracers make spans; without a collector they make none.
	tracers trace.TracerProvider
	// ln is used instead of listen where it is not nil.
	ln net.Listener
	// local is used instead of AWS where it is not nil.
	local *local
}

// local stands in for AWS where all roles are one process.
type local struct {
	aws   aws.Config
	store store.Store
}

// listener is where the role serves.
func (r role) listener(ctx context.Context) (net.Listener, error) {
	if r.ln != nil {
		return r.ln, nil
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", r.listen)
}

// loadConfig reads the configuration. What a newer operator put there beyond what this version knows is told once and left alone.
func loadConfig(path string, log *slog.Logger) (*config.Config, error) {
	cfg, unknown, err := config.Load(path)
	if len(unknown) > 0 {
		log.Warn("the configuration holds what this version does not know: an operator that is newer than the image wrote it", "fields", unknown)
	}
	return cfg, err
}

// roleCommand is a subcommand that runs a role until it is told to stop.
func roleCommand(name, short string, run func(context.Context, role, *ops) error) *cobra.Command {
	var (
		configPath, opsAddr, debugAddr, listen, pod string
		level                                       slog.Level
	)
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		Example: "  chatd " + name + " --config config.yaml --log-level debug",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if pod == "" {
				var err error
				if pod, err = os.Hostname(); err != nil {
					return fmt.Errorf("find this host's name: %w", err)
				}
			}
			log := newLogger(cmd.ErrOrStderr(), level).With("role", name, "pod", pod)
			cfg, err := loadConfig(configPath, log)
			if err != nil {
				return err
			}
			tracers, endTraces, err := tracing.Open(cmd.Context(), tracing.Options{
				Cluster: cfg.Cluster, Role: name, Pod: pod, Version: version,
				Endpoint: cfg.Telemetry.OTLPEndpoint, SampleRatio: cfg.Telemetry.SampleRatio,
			})
			if err != nil {
				return err
			}
			defer flushTraces(endTraces, log)
			o := newOps(log)
			o.debugAddr = debugAddr
			return serve(cmd.Context(), o, opsAddr, func(ctx context.Context) error {
				return run(ctx, role{name: name, pod: pod, listen: listen, cfg: cfg, log: log, tracers: tracers}, o)
			})
		},
	}
	cmd.Flags().StringVar(&configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().StringVar(&pod, "pod", "", "this process's name, unlike any other's; the host's name when empty")
	cmd.Flags().StringVar(&opsAddr, "ops-listen", ":9090", "address of probes and metrics")
	cmd.Flags().StringVar(&debugAddr, "debug-listen", "", "private address of pprof, such as 127.0.0.1:6060; none when empty")
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	switch name {
	case "gateway":
		cmd.Flags().StringVar(&listen, "listen", ":8080", "address of WebSocket and REST")
	case "admin":
		cmd.Flags().StringVar(&listen, "listen", ":8090", "address of the admin API")
	case "chat":
		cmd.Flags().StringVar(&listen, "listen", ":7400", "address of gRPC")
	}
	return cmd
}

func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(telemetry.Logs(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})))
}

// flushTraces exports the last spans. A collector that is away costs them, and a moment.
func flushTraces(end func(context.Context) error, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := end(ctx); err != nil {
		log.WarnContext(ctx, "the last traces were not exported", "error", err)
	}
}
