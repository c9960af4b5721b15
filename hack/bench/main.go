package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/hack/bench/baseline"
	"github.com/chatcluster/chatcluster/hack/bench/scenario"
	"github.com/chatcluster/chatcluster/hack/bench/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "bench", Short: "Measure the product", SilenceUsage: true}
	root.AddCommand(runCommand(), serveCommand(), centrifugeCommand())
	if root.ExecuteContext(ctx) != nil {
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func runCommand() *cobra.Command {
	o := scenario.Options{Log: os.Stderr}
	cmd := &cobra.Command{
		Use: "run SCENARIO…", Short: "Run scenarios, or all", Args: cobra.MinimumNArgs(1),
		Long: "Run scenarios. The last line of the output is one JSON object. A scenario whose bar is missed is a result; one that could not be measured, or whose audit failed, is an error.",
		RunE: func(cmd *cobra.Command, names []string) error {
			if slices.Contains(names, "all") {
				names = scenario.Names()
			}
			if scenario.NeedEngines(names) {
				if _, err := server.Engines(); err != nil {
					return inWorld(cmd.Context(), cmd.OutOrStdout())
				}
			}
			var results []scenario.Result
			for _, name := range names {
				r, err := scenario.Run(cmd.Context(), name, o)
				if err != nil {
					return err
				}
				results = append(results, r)
				if err := printLine(cmd.OutOrStdout(), r); err != nil {
					return err
				}
			}
			if len(results) > 1 {
				if err := printLine(cmd.OutOrStdout(), map[string]any{"scenario": "all", "results": results}); err != nil {
					return err
				}
			}
			for _, r := range results {
				if r.Audit != "passed" {
					return fmt.Errorf("%s: %s", r.Scenario, r.Audit)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&o.Quick, "quick", false, "a look: seconds instead of minutes")
	cmd.Flags().DurationVar(&o.WarmUp, "warm-up", 30*time.Second, "before every measurement")
	cmd.Flags().IntVar(&o.Repeats, "repeats", 3, "how often what is compared is measured")
	cmd.Flags().IntSliceVar(&o.Sizes, "sizes", nil, "how many ChatClusters O1 to O3 have, instead of those that the bars are about")
	cmd.Flags().IntVar(&o.Tenants, "tenants", 0, "how many ChatTenants O1 to O3 have, instead of those that the bars are about; -1 for none")
	cmd.Flags().StringVar(&o.Profile, "profile", "", "a folder for CPU and allocation profiles of the servers; the figures are not to be used")
	return cmd
}

func printLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func serveCommand() *cobra.Command {
	var o server.Options
	var sizes string
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the product for a scenario", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, field := range strings.Fields(sizes) {
				n, err := strconv.Atoi(field)
				if err != nil {
					return err
				}
				o.Seed.Sizes = append(o.Seed.Sizes, n)
			}
			return server.Run(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.Class, "class", "D0", "D0, D1 or D2")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "where the data goes")
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:0", "the gateway's address")
	cmd.Flags().StringVar(&sizes, "sizes", "2", "how many members each conversation has")
	cmd.Flags().IntVar(&o.Seed.Missed, "missed", 0, "messages that they have yet to get")
	return cmd
}

func centrifugeCommand() *cobra.Command {
	var o baseline.CentrifugeOptions
	cmd := &cobra.Command{
		Use: "centrifuge", Short: "Serve the centrifuge library", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return baseline.Centrifuge(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:0", "the address")
	cmd.Flags().BoolVar(&o.History, "history", false, "number and keep publications")
	return cmd
}
