package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/runtime/export"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func exportCommand() *cobra.Command {
	var (
		configPath, tenant, user, out string
		level                         slog.Level
	)
	cmd := &cobra.Command{
		Use: "export", Short: "Write what is kept of a user into an archive", Args: cobra.NoArgs,
		Long: "export writes a ZIP archive of a user's devices, conversations, messages and reactions. docs/export.md says what is in it. The archive " +
			"is personal data: the file is for its owner alone.",
		Example: "  chatd export --tenant acme --user ann --out ann.zip",
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := store.NewUser(store.Tenant(tenant), user)
			if err != nil {
				return err
			}
			cfg, err := loadConfig(configPath, newLogger(cmd.ErrOrStderr(), slog.LevelInfo))
			if err != nil {
				return err
			}
			r := role{name: "export", pod: "export", cfg: cfg, log: newLogger(cmd.ErrOrStderr(), level)}
			if out == "-" {
				_, err := r.export(cmd.Context(), u, cmd.OutOrStdout())
				return err
			}
			var manifest export.Manifest
			err = writeWhole(out, func(w io.Writer) (err error) {
				manifest, err = r.export(cmd.Context(), u, w)
				return err
			})
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(manifest)
		},
	}
	cmd.Flags().StringVar(&configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant's id")
	cmd.Flags().StringVar(&user, "user", "", "the user's id")
	cmd.Flags().StringVar(&out, "out", "", "the archive's file; - for standard output")
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	for _, flag := range []string{"tenant", "user", "out"} {
		_ = cmd.MarkFlagRequired(flag) // the flags are there
	}
	return cmd
}

// export writes a user's archive with the role's backends.
func (r role) export(ctx context.Context, u store.User, out io.Writer) (export.Manifest, error) {
	b, err := r.backends(ctx)
	if err != nil {
		return export.Manifest{}, err
	}
	defer b.cache.Close()
	model, err := r.openModel(ctx)
	if err != nil {
		return export.Manifest{}, err
	}
	defer model.Close()
	buffered := bufio.NewWriter(out)
	manifest, err := export.Write(ctx, buffered, u, b.store, model)
	return manifest, errors.Join(err, buffered.Flush())
}

// writeWhole makes a file of what write writes, readable by its owner alone: all of it or none.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*")
	if err != nil {
		return fmt.Errorf("make the archive: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
