package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/hack/world/report"
)

// FileVariable is the environment variable by which `run` tells its command where world.json is.
const FileVariable = "CHATCLUSTER_WORLD"

func runCommand(o *options) *cobra.Command {
	var u upOptions
	var keep bool
	c := &cobra.Command{
		Use: "run -- COMMAND [ARG…]", Short: "Start a fresh world, run a command with it, take the world away again",
		Long: "Starts a world with no data from before, runs the command in the work tree's root with " + FileVariable +
			" set to the path of world.json and the engine tests' variables set to its engines, and takes the world down, whatever came of it. When the command succeeds the" +
			" world's data goes too; when it fails, data and logs stay.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			l, err := o.layout()
			if err != nil {
				return err
			}
			r := report.New(cmd.OutOrStdout())
			if err := down(cmd.Context(), l, true, r); err != nil {
				return err
			}
			defer func() {
				if keep {
					r.Printf("World %q stays up: `world down --purge --name %s` takes it away", l.Name, l.Name)
					return
				}
				// Also after an interrupt: its context is over, and the world must go all the same.
				end, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), 5*time.Minute)
				defer cancel()
				err = errors.Join(err, down(end, l, err == nil, r))
			}()
			w, err := up(cmd.Context(), l, u, r)
			if err != nil {
				return err
			}
			engines, err := testEnv(w)
			if err != nil {
				return err
			}
			child := exec.CommandContext(cmd.Context(), args[0], args[1:]...)
			child.Dir, child.Stdin, child.Stdout, child.Stderr = l.Repo, os.Stdin, cmd.OutOrStdout(), os.Stderr
			child.Env = append(append(os.Environ(), FileVariable+"="+l.File(), "PWD="+l.Repo), engines...)
			child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
			child.WaitDelay = 30 * time.Second
			if err := child.Run(); err != nil {
				return fmt.Errorf("%s: %w; the world's logs are in %s", args[0], err, l.Path("log"))
			}
			return nil
		},
	}
	u.flags(c)
	c.Flags().BoolVar(&keep, "keep", false, "leave the world up afterwards")
	return c
}
