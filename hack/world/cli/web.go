package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/hack/world/components"
	"github.com/chatcluster/chatcluster/hack/world/report"
)

func webCommand(o *options) *cobra.Command {
	var ifNode bool
	c := &cobra.Command{
		Use: "web", Short: "Build the web client into runtime/web/dist, from where chatd embeds it", Args: cobra.NoArgs,
		Long: "Builds the web client unless its sources are as they were, and puts it into runtime/web/dist: a chatd that is built after that holds it. " +
			"It needs Node.js " + components.NodeNeeded + ", and npm; where npm is there and Node.js too old, npm fetches one that is pinned.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			if _, err := components.OwnNode(cmd.Context()); err != nil && ifNode && !components.WebClientReady(l.Repo, l.Cache) {
				fmt.Fprintf(cmd.ErrOrStderr(), "The web client is not built: %v.\n", err)
				return nil
			}
			return components.EnsureWebClient(cmd.Context(), l.Repo, l.Cache, report.New(cmd.ErrOrStderr()))
		},
	}
	c.Flags().BoolVar(&ifNode, "if-node", false, "go on without it where Node.js is missing")
	return c
}

func nodeCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "node", Short: "Print what must come first in PATH for a recent Node.js, nothing where it does; fetch one if need be", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(l.Cache, 0o755); err != nil {
				return err
			}
			dir, err := components.EnsureNode(cmd.Context(), l.Repo, l.Cache, report.New(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), dir)
			return nil
		},
	}
}
