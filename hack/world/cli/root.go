package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

// options are the flags that every command shares.
type options struct {
	name, state, cache, repo string
}

func (o *options) layout() (world.Layout, error) {
	return world.NewLayout(o.name, o.state, o.cache, o.repo)
}

// New returns the program's command tree; output goes to out.
func New(out io.Writer) *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use: "world", Short: "ChatCluster's local world: the engines and a real Kubernetes on this machine",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(out)
	f := root.PersistentFlags()
	f.StringVar(&o.name, "name", world.DefaultName, "the world's name; worlds of different names run side by side")
	f.StringVar(&o.state, "state-dir", "", "data, logs and keys (default $XDG_STATE_HOME/chatcluster/<name>)")
	f.StringVar(&o.cache, "cache-dir", "", "built programs, shared by all worlds (default $XDG_CACHE_HOME/chatcluster)")
	f.StringVar(&o.repo, "repo", "", "the work tree (default: found upwards from the current folder)")
	root.AddCommand(
		upCommand(o), downCommand(o), runCommand(o), statusCommand(o), logsCommand(o), doctorCommand(o),
		imagesCommand(o), webCommand(o), nodeCommand(o), assetsCommand(o), componentCommand(o),
		initCommand(), superviseCommand(),
	)
	return root
}
