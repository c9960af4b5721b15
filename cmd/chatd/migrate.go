package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
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
	// Pending are the migrations that the database has not had yet.
	Pending []string `json:"pending,omitempty"`
	// Contractions are those that are to follow the rollout.
	Contractions []string `json:"contractions,omitempty"`
}

// migration is readmodel.Migrate, readmodel.Contract or readmodel.Preview.
type migration func(ctx context.Context, c config.Postgres, log *slog.Logger) (readmodel.Result, error)

func migrateCommand() *cobra.Command {
	var (
		configPath, resultPath string
		preview, contract      bool
		level                  slog.Level
		f                      output.Format
	)
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the read model's schema to this binary's version", Args: cobra.NoArgs,
		Example: `  chatd migrate --preview -o yaml --result ""
  chatd migrate`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newLogger(cmd.ErrOrStderr(), level)
			step := readmodel.Migrate
			switch {
			case preview:
				step = readmodel.Preview
			case contract:
				step = readmodel.Contract
			}
			progress := output.NewProgress(cmd.ErrOrStderr())
			progress.Say("migrating the schema")
			result, err := migrate(cmd.Context(), configPath, log, step)
			progress.End()
			if werr := writeResult(resultPath, &result.Error, &result); werr != nil {
				log.WarnContext(cmd.Context(), "the result is not written", "error", werr)
			}
			if err != nil {
				return err
			}
			return f.Print(cmd.OutOrStdout(), result, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "schema at version %d\n", result.Current)
				return err
			})
		},
	}
	f.Bind(cmd)
	cmd.Flags().StringVar(&configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().StringVar(&resultPath, "result", "/dev/termination-log", "where the result goes as JSON; empty for nowhere")
	cmd.Flags().BoolVar(&preview, "preview", false, "change nothing, and tell what would be")
	cmd.Flags().BoolVar(&contract, "contract", false, "take away what no release needs any more, once this one has rolled out")
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	cmd.MarkFlagsMutuallyExclusive("preview", "contract")
	return cmd
}

func migrate(ctx context.Context, path string, log *slog.Logger, run migration) (migrationResult, error) {
	result := migrationResult{Target: readmodel.Target()}
	cfg, err := loadConfig(path, log)
	if err == nil && cfg.Postgres.IAM {
		var aws aws.Config
		if aws, err = awsConfig(ctx, cfg.AWS); err == nil {
			logIn(cfg, aws)
		}
	}
	if err == nil {
		var done readmodel.Result
		done, err = run(ctx, cfg.Postgres, log)
		result.Current, result.Pending, result.Contractions = done.Current, firsts(done.Pending), firsts(done.Contractions)
	}
	if err != nil {
		result.Error = err.Error()
	}
	return result, err
}

// maxListed bounds the lists in a result: with an error they must fit into what the kubelet keeps.
const maxListed = 20

func firsts(names []string) []string { return names[:min(len(names), maxListed)] }

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
