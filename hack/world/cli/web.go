package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

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

func npmCommand(o *options) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "npm -- ARG…", Short: "Run npm, with a Node.js that is recent enough", Args: cobra.MinimumNArgs(1),
		Long: "Runs npm in a folder of the work tree. Where the machine's Node.js is too old (" + components.NodeNeeded + "), npm fetches one that is pinned, " +
			"and that comes first in PATH.",
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(l.Cache, 0o755); err != nil {
				return err
			}
			node, err := components.EnsureNode(cmd.Context(), l.Repo, l.Cache, report.New(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			child := exec.CommandContext(cmd.Context(), "npm", args...)
			child.Dir, child.Stdin, child.Stdout, child.Stderr = filepath.Join(l.Repo, dir), os.Stdin, cmd.OutOrStdout(), os.Stderr
			child.Env = os.Environ()
			if node != "" {
				child.Env = append(child.Env, "PATH="+node+string(os.PathListSeparator)+os.Getenv("PATH"))
			}
			child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
			child.WaitDelay = 30 * time.Second
			if err := child.Run(); err != nil {
				return fmt.Errorf("npm %s: %w", args[0], err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", filepath.Join("runtime", "web"), "the folder, below the work tree")
	return c
}
