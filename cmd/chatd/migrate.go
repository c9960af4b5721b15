package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
)

// maxResultBytes is what the kubelet keeps of a termination message.
const maxResultBytes = 4096

// migrationResult is what the operator reads from the pod's termination message.
type migrationResult struct {
	Current int64  `json:"current"`
	Target  int64  `json:"target"`
	Error   string `json:"error,omitempty"`
}

func migrateCommand() *cobra.Command {
	var (
		configPath, resultPath string
		level                  slog.Level
	)
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the read model's schema to this binary's version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newLogger(cmd.ErrOrStderr(), level)
			result, err := migrate(cmd.Context(), configPath, func(ctx context.Context, c config.Postgres) (readmodel.Result, error) {
				return readmodel.Migrate(ctx, c, log)
			})
			if werr := writeResult(resultPath, &result.Error, &result); werr != nil {
				log.WarnContext(cmd.Context(), "the result is not written", "error", werr)
			}
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "schema at version %d\n", result.Current)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().StringVar(&resultPath, "result", "/dev/termination-log", "where the result goes as JSON; empty for nowhere")
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	return cmd
}

func migrate(ctx context.Context, path string, run func(context.Context, config.Postgres) (readmodel.Result, error)) (migrationResult, error) {
	result := migrationResult{Target: readmodel.Target()}
	cfg, err := config.Load(path)
	if err == nil {
		var done readmodel.Result
		done, err = run(ctx, cfg.Postgres)
		result.Current = done.Current
	}
	if err != nil {
		result.Error = err.Error()
	}
	return result, err
}

// writeResult writes the result, with its error cut to what the kubelet keeps: half of a JSON document would be none.
func writeResult(path string, why *string, result any) error {
	if path == "" {
		return nil
	}
	data, err := json.Marshal(result)
	for err == nil && len(data) > maxResultBytes {
		// Escapes may make the document much longer than the error: halve until it fits.
		runes := []rune(*why)
		*why = string(runes[:len(runes)/2])
		data, err = json.Marshal(result)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
