package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/cmd/internal/output"
)

// plan is what would change.
type plan struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Changes   []string `json:"changes"`
}

func (p *plugin) planCommand() *cobra.Command {
	var f output.Format
	var done bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "plan NAME", Short: "Show what the operator would change, and let it change nothing until `plan NAME --done`", Args: cobra.ExactArgs(1),
		Example: `  kubectl chatcluster plan chat -n chat
  kubectl chatcluster plan chat -n chat -o json | jq -r '.changes[]'
  kubectl chatcluster plan chat -n chat --done`,
		ValidArgsFunction: p.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.connect(p.flags)
			if err != nil {
				return err
			}
			if done {
				if err := c.annotate(cmd.Context(), args[0], v1alpha1.AnnotationPlan, nil); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "chatcluster %s: the operator goes ahead.\n", args[0])
				return nil
			}
			return p.plan(cmd.Context(), c, args[0], f, timeout)
		},
	}
	f.Bind(cmd)
	cmd.Flags().BoolVar(&done, "done", false, "End the plan: let the operator go ahead")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "How long to wait for the operator's answer")
	return cmd
}

// plan asks for a plan of the spec as it is now and prints it.
func (p *plugin) plan(ctx context.Context, c *cluster, name string, f output.Format, timeout time.Duration) error {
	if err := c.annotate(ctx, name, v1alpha1.AnnotationPlan, "true"); err != nil {
		return err
	}
	deadline := p.now().Add(timeout)
	for {
		cc, err := c.get(ctx, name)
		if err != nil {
			return err
		}
		// Otherwise it is a plan of an older spec.
		if is := cc.Status.Plan; is != nil && is.ObservedGeneration == cc.Generation {
			p.progress.End()
			found := plan{cc.Namespace, cc.Name, append([]string{}, is.Changes...)}
			return f.Print(p.out, found, found.table)
		}
		if !p.now().Before(deadline) {
			return exit{exitTimedOut, fmt.Sprintf("The operator has not answered within %s. Does it run, and does it know plans? It changes nothing until: kubectl chatcluster plan %s --done", timeout, name)}
		}
		p.progress.Say("waiting for the operator's plan (%s left)", deadline.Sub(p.now()).Round(time.Second))
		if err := p.wait(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (f plan) table(w io.Writer) error {
	if len(f.Changes) == 0 {
		fmt.Fprintf(w, "ChatCluster %s/%s: nothing would change.\n", f.Namespace, f.Name)
	} else {
		fmt.Fprintf(w, "ChatCluster %s/%s: this would be done.\n", f.Namespace, f.Name)
	}
	for i, change := range f.Changes {
		fmt.Fprintf(w, "%3d. %s\n", i+1, change)
	}
	_, err := fmt.Fprintf(w, "The operator changes nothing until: kubectl chatcluster plan %s --done\n", f.Name)
	return err
}
