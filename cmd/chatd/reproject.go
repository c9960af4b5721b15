package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
	"github.com/chatcluster/chatcluster/runtime/project"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
)

func reprojectCommand() *cobra.Command {
	var (
		configPath string
		level      slog.Level
		f          output.Format
	)
	cmd := &cobra.Command{
		Use: "reproject", Short: "Make the read model anew of what the store holds", Args: cobra.NoArgs,
		Long: "reproject has the read model take in what it lacks of every conversation in the store: after it was lost, or restored to an earlier time. " +
			"What it has already changes nothing, so it may run beside the projector, and again. It reads the whole conversations table, and of each " +
			"conversation what the model lacks. What the store has not any more, because it is older than the hot retention, comes from a backup of the " +
			"read model alone.",
		Example: "  chatd reproject\n  chatd reproject -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(configPath, newLogger(cmd.ErrOrStderr(), slog.LevelInfo))
			if err != nil {
				return err
			}
			r := role{name: "reproject", pod: "reproject", cfg: cfg, log: newLogger(cmd.ErrOrStderr(), level)}
			progress := output.NewProgress(cmd.ErrOrStderr())
			done, err := r.reproject(cmd.Context(), func(d project.Rebuilt) {
				progress.Say("%d conversations, %d entries that were missing", d.Conversations, d.Entries)
			})
			progress.End()
			if err != nil {
				return err
			}
			return f.Print(cmd.OutOrStdout(), done, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d conversations (of %d nothing is left in the store): %d entries and %d read marks were missing; %d conversations need a person, %d records wait\n",
					done.Conversations, done.Expired, done.Entries, done.Marks, done.Parked, done.Waiting)
				return err
			})
		},
	}
	f.Bind(cmd)
	cmd.Flags().StringVar(&configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	return cmd
}

// reproject brings the read model to what the store holds, with the role's backends.
func (r role) reproject(ctx context.Context, told func(project.Rebuilt)) (project.Rebuilt, error) {
	b, err := r.backends(ctx)
	if err != nil {
		return project.Rebuilt{}, err
	}
	defer b.cache.Close()
	model, err := r.openModel(ctx)
	if err != nil {
		return project.Rebuilt{}, err
	}
	defer model.Close()
	writer := readmodel.NewWriter(model, b.store)
	writer.Retain(r.cfg.Postgres.ReadRetention.Duration)
	return project.Rebuild(ctx, b.store, writer, told)
}
