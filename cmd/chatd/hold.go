package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// holdModel is where holds are kept: package readmodel has it.
type holdModel interface {
	PlaceHold(ctx context.Context, h readmodel.Hold) (readmodel.Hold, error)
	ReleaseHold(ctx context.Context, t store.Tenant, name string) error
	Holds(ctx context.Context, t store.Tenant) ([]readmodel.Hold, error)
}

func holdCommand() *cobra.Command {
	var configPath string
	var h readmodel.Hold
	var f output.Format
	cmd := &cobra.Command{
		Use: "hold", Short: "Keep a tenant's or a user's data from being removed",
		Long: "While a legal hold covers a user, the user is not erased; while one covers anything of a tenant, the tenant is not purged and its messages " +
			"do not go by their retention; while there is any, no month of the read model is dropped. docs/erasure.md says what a hold does not stop.",
	}
	cmd.PersistentFlags().StringVar(&configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.PersistentFlags().StringVar((*string)(&h.Tenant), "tenant", "", "the tenant's id")
	_ = cmd.MarkPersistentFlagRequired("tenant") // the flag is there
	sub := func(use, short, example string, run func(ctx context.Context, m holdModel, out io.Writer) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Example: "  chatd hold " + use + " --tenant acme" + example, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return withHolds(cmd.Context(), configPath, cmd.ErrOrStderr(), func(ctx context.Context, m holdModel) error { return run(ctx, m, cmd.OutOrStdout()) })
		}}
	}
	set := sub("set", "Place a hold; again is no error", " --name case-17 --user ann --reason litigation", func(ctx context.Context, m holdModel, out io.Writer) error { return setHold(ctx, m, h, f, out) })
	set.Flags().StringVar(&h.Name, "name", "", "the hold's name, unlike any other of the tenant's")
	set.Flags().StringVar(&h.User, "user", "", "whom it covers; all of the tenant when empty")
	set.Flags().StringVar(&h.Reason, "reason", "", "why")
	set.Flags().StringVar(&h.PlacedBy, "by", "", "who places it")
	release := sub("release", "End a hold", " --name case-17", func(ctx context.Context, m holdModel, out io.Writer) error { return releaseHold(ctx, m, h, out) })
	release.Flags().StringVar(&h.Name, "name", "", "the hold's name")
	for _, c := range []*cobra.Command{set, release} {
		_ = c.MarkFlagRequired("name") // the flags are there
	}
	_ = set.MarkFlagRequired("reason")
	list := sub("list", "List a tenant's holds", "", func(ctx context.Context, m holdModel, out io.Writer) error {
		return listHolds(ctx, m, h.Tenant, f, out)
	})
	f.Bind(set)
	f.Bind(list)
	cmd.AddCommand(set, list, release)
	return cmd
}

// withHolds runs f with the read model that a configuration names.
func withHolds(ctx context.Context, path string, errOut io.Writer, f func(context.Context, holdModel) error) error {
	cfg, err := loadConfig(path, newLogger(errOut, slog.LevelInfo))
	if err != nil {
		return err
	}
	r := role{name: "hold", pod: "hold", cfg: cfg, log: newLogger(errOut, slog.LevelInfo)}
	// The backends give the configuration what logins are made with.
	b, err := r.backends(ctx)
	if err != nil {
		return err
	}
	defer b.cache.Close()
	model, err := r.openModel(ctx)
	if err != nil {
		return err
	}
	defer model.Close()
	return f(ctx, model)
}

func setHold(ctx context.Context, m holdModel, h readmodel.Hold, f output.Format, out io.Writer) error {
	placed, err := m.PlaceHold(ctx, h)
	if err != nil {
		return err
	}
	return f.Print(out, placed, func(w io.Writer) error { return holdTable(w, []readmodel.Hold{placed}) })
}

func releaseHold(ctx context.Context, m holdModel, h readmodel.Hold, out io.Writer) error {
	if err := m.ReleaseHold(ctx, h.Tenant, h.Name); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "released %q\n", h.Name)
	return err
}

func listHolds(ctx context.Context, m holdModel, t store.Tenant, f output.Format, out io.Writer) error {
	holds, err := m.Holds(ctx, t)
	if err != nil {
		return err
	}
	if holds == nil {
		holds = []readmodel.Hold{} // programs read a list, not null
	}
	return f.Print(out, holds, func(w io.Writer) error { return holdTable(w, holds) })
}

func holdTable(w io.Writer, holds []readmodel.Hold) error {
	rows := [][]string{{"NAME", "COVERS", "REASON", "BY", "SINCE"}}
	for _, h := range holds {
		covers := "the tenant"
		if h.User != "" {
			covers = h.User
		}
		rows = append(rows, []string{h.Name, covers, h.Reason, output.OrNone(h.PlacedBy), h.PlacedAt.UTC().Format(time.RFC3339)})
	}
	return output.Columns(w, rows)
}
