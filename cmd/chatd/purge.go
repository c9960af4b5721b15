package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/purge"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// purgeResult is what the operator reads from the pod's termination message.
type purgeResult struct {
	store.PurgeProgress
	Error string `json:"error,omitempty"`
}

func purgeCommand() *cobra.Command {
	var (
		configPath, resultPath, tenant, pod string
		settle                              time.Duration
		level                               slog.Level
		f                                   output.Format
	)
	cmd := &cobra.Command{
		Use: "purge", Short: "Delete a tenant's data for good", Args: cobra.NoArgs,
		Long: "purge deletes everything of a tenant: conversations, messages, memberships, devices. The tenant must not be served: its record " +
			"says that it is being deleted, or it has none and the configuration does not name it. It may be stopped and started again.",
		Example: `  chatd purge --tenant acme
  chatd purge --tenant acme --result "" -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newLogger(cmd.ErrOrStderr(), level).With("tenant", tenant)
			result, err := purgeTenant(cmd.Context(), configPath, pod, store.Tenant(tenant), settle, log)
			report := purgeResult{PurgeProgress: result}
			if err != nil {
				report.Error = err.Error()
			}
			if werr := writeResult(resultPath, &report.Error, &report); werr != nil {
				log.WarnContext(cmd.Context(), "the result is not written", "error", werr)
			}
			if err != nil {
				return err
			}
			return f.Print(cmd.OutOrStdout(), report, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "purged %d conversations and %d users\n", result.Conversations, result.Users)
				return err
			})
		},
	}
	f.Bind(cmd)
	cmd.Flags().StringVar(&configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant's id")
	cmd.Flags().StringVar(&pod, "pod", "purge", "this process's name")
	cmd.Flags().DurationVar(&settle, "settle", purge.DefaultSettle, "how long to wait until every pod knows that the tenant is not served")
	cmd.Flags().StringVar(&resultPath, "result", "/dev/termination-log", "where the result goes as JSON; empty for nowhere")
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	_ = cmd.MarkFlagRequired("tenant") // the flag is there
	return cmd
}

func purgeTenant(ctx context.Context, path, pod string, t store.Tenant, settle time.Duration, log *slog.Logger) (store.PurgeProgress, error) {
	cfg, err := loadConfig(path, log)
	if err != nil {
		return store.PurgeProgress{}, err
	}
	return (role{name: "purge", pod: pod, cfg: cfg, log: log, tracers: noop.NewTracerProvider()}).purge(ctx, t, settle)
}

// purge deletes a tenant's data with the role's backends.
func (r role) purge(ctx context.Context, t store.Tenant, settle time.Duration) (store.PurgeProgress, error) {
	if slices.ContainsFunc(r.cfg.Auth.Issuers, func(i config.Issuer) bool { return store.Tenant(i.Tenant) == t }) {
		return store.PurgeProgress{}, fmt.Errorf("%w: auth.issuers names tenant %q: remove it there first", purge.ErrServed, t)
	}
	b, err := r.backends(ctx)
	if err != nil {
		return store.PurgeProgress{}, err
	}
	defer b.cache.Close()
	model, err := readmodel.Open(r.cfg.Postgres, readmodel.Options{Application: r.clientID()})
	if err != nil {
		return store.PurgeProgress{}, err
	}
	defer model.Close()
	if err := model.Compatible(ctx); err != nil {
		return store.PurgeProgress{}, err
	}
	return purge.Run(ctx, purge.Options{
		Tenant: t, Store: b.store, Model: model, Cache: b.cache, Settle: settle, Log: r.log,
		Projected: func(ctx context.Context) error {
			if err := eventlog.AwaitConsumed(ctx, r.cfg.Kafka, r.clientID(), eventlog.ProjectGroup, eventlog.LogTopic, eventlog.MarksTopic); err != nil {
				return err
			}
			return r.awaitProcessors(ctx)
		},
	})
}

// processorsWithin is how long a purge, or an erasure, waits for processors, which may be switched off.
const processorsWithin = 20 * time.Second

// awaitProcessors waits until those that keep something of what they see have seen what was published, if they run: what they see later they
// would keep, the audit log and the figures for long, the detectors for hours or days. They share the time.
func (r role) awaitProcessors(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, processorsWithin)
	defer cancel()
	r.awaitAudit(within)
	r.awaitGroup(within, eventlog.AnalyticsGroup, eventlog.LogTopic, eventlog.MarksTopic, eventlog.FiguresTopic)
	configured := r.cfg.Processors.By()
	for _, d := range detectors {
		if _, ok := configured[d.name]; ok && d.window > 0 {
			r.awaitGroup(within, d.name, eventlog.LogTopic)
		}
	}
	return ctx.Err()
}

func (r role) awaitAudit(ctx context.Context) {
	r.awaitGroup(ctx, eventlog.AuditGroup, eventlog.LogTopic, eventlog.AuditTopic)
}

func (r role) awaitGroup(ctx context.Context, group string, topics ...string) {
	if err := eventlog.AwaitConsumed(ctx, r.cfg.Kafka, r.clientID(), group, topics...); err != nil {
		r.log.WarnContext(ctx, "a processor is switched off or behind, and will keep what it has yet to see: repeat this when it has seen it",
			"group", group, "error", err)
	}
}
