package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/hack/world/deploy"
	"github.com/chatcluster/chatcluster/hack/world/sandbox"
	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

func statusCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "What runs, how much memory it takes, which conditions hold", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			return status(cmd.Context(), l, cmd.OutOrStdout())
		},
	}
}

func status(ctx context.Context, l world.Layout, out io.Writer) error {
	w, found, err := world.Load(l)
	if err != nil {
		return err
	}
	if _, running := sandbox.Running(l); !running || !found {
		fmt.Fprintf(out, "World %q is down (its data would be in %s)\n", l.Name, l.State)
		return nil
	}
	rep, err := supervisor.NewClient(l.ControlSocket()).Status(ctx, true)
	if err != nil {
		return fmt.Errorf("the supervisor runs and does not answer; its log: %s: %w", l.Log("supervisor"), err)
	}
	tw := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "PROCESS\tSTATE\tSINCE\tMEMORY\tRESTARTS\tLAST ERROR")
	for _, c := range rep.Components {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d MiB\t%d\t%s\n", c.Name, c.State, time.Since(c.Since).Round(time.Second), c.Memory>>20, c.Restarts, c.Error)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nMemory of all processes, pods included: %d MiB\n", rep.Memory>>20)
	if w.EnginesOnly {
		return nil
	}
	clusters, err := deploy.Clusters(ctx, w)
	if err != nil {
		fmt.Fprintf(out, "\nChatClusters: %v\n", err)
		return nil
	}
	for _, c := range clusters {
		fmt.Fprintf(out, "\nChatCluster %s/%s\n", c.Namespace, c.Name)
		for _, cond := range c.Conditions {
			fmt.Fprintf(out, "  %-16s %-8s %s\n", cond.Type, cond.Status, cond.Message)
		}
	}
	return nil
}

func logsCommand(o *options) *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use: "logs [COMPONENT]", Short: "A component's log, or which there are", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return listLogs(l, cmd.OutOrStdout())
			}
			file := l.Log(args[0])
			if _, err := os.Stat(file); err != nil {
				return fmt.Errorf("no log of %q; `world logs` lists them", args[0])
			}
			argv := []string{"-n", "+1", file}
			if follow {
				argv = append([]string{"-F"}, argv...)
			}
			tail := exec.CommandContext(cmd.Context(), "tail", argv...)
			tail.Stdout, tail.Stderr = cmd.OutOrStdout(), os.Stderr
			if err := tail.Run(); err != nil && cmd.Context().Err() == nil {
				return err
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on as it grows")
	return c
}

func listLogs(l world.Layout, out io.Writer) error {
	entries, err := os.ReadDir(l.Path("log"))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("world %q has no logs", l.Name)
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			fmt.Fprintln(out, l.Path("log", e.Name()))
		}
	}
	fmt.Fprintln(out, "Logs of pods: kubectl logs, or "+l.Path("log", "pods"))
	return nil
}

// componentCommand lets tests break things: stop Kafka, kill PostgreSQL, start them again.
func componentCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "component NAME start|stop|restart|kill", Short: "Break or mend one process of the world", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			return supervisor.NewClient(l.ControlSocket()).Do(cmd.Context(), args[0], supervisor.Action(args[1]))
		},
	}
}

func doctorCommand(o *options) *cobra.Command {
	var asJSON, enginesOnly bool
	c := &cobra.Command{
		Use: "doctor", Short: "Is this machine able to run a world?", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			return doctor(cmd.Context(), l, enginesOnly, asJSON, cmd.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&enginesOnly, "engines-only", false, "for a world without Kubernetes")
	return c
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
