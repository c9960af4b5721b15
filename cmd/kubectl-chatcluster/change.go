package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

func (p *plugin) pauseCommand() *cobra.Command {
	return p.changeCommand("pause NAME", "Let the operator change nothing; what runs goes on running", "  kubectl chatcluster pause chat -n chat", func(ctx context.Context, c *cluster, name string) error {
		if err := c.patch(ctx, name, map[string]any{"spec": map[string]any{"paused": true}}); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "chatcluster %s is paused. kubectl chatcluster resume %s ends it.\n", name, name)
		return p.warnOfGitOps(ctx, c, name)
	})
}

func (p *plugin) resumeCommand() *cobra.Command {
	return p.changeCommand("resume NAME", "End a pause", "  kubectl chatcluster resume chat -n chat", func(ctx context.Context, c *cluster, name string) error {
		// The field goes, so that nothing is left that is not in git.
		if err := c.patch(ctx, name, map[string]any{"spec": map[string]any{"paused": nil}}); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "chatcluster %s is resumed.\n", name)
		return p.warnOfGitOps(ctx, c, name)
	})
}

func (p *plugin) reconcileCommand() *cobra.Command {
	return p.changeCommand("reconcile NAME", "Have the operator look at everything now", "  kubectl chatcluster reconcile chat -n chat && kubectl chatcluster status chat -n chat --wait 5m", func(ctx context.Context, c *cluster, name string) error {
		if err := c.annotate(ctx, name, v1alpha1.AnnotationReconcile, p.now().UTC().Format(time.RFC3339Nano)); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "chatcluster %s is reconciled now. kubectl chatcluster status %s --wait 5m shows what comes of it.\n", name, name)
		return nil
	})
}

func (p *plugin) changeCommand(use, short, example string, change func(context.Context, *cluster, string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ExactArgs(1), ValidArgsFunction: p.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.connect(p.flags)
			if err != nil {
				return err
			}
			return change(cmd.Context(), c, args[0])
		},
	}
}

// patch merges a change into a ChatCluster.
func (c *cluster) patch(ctx context.Context, name string, change map[string]any) error {
	data, err := json.Marshal(change)
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ChatCluster"))
	u.SetNamespace(c.namespace)
	u.SetName(name)
	return c.Patch(ctx, u, client.RawPatch(types.MergePatchType, data), fieldOwner)
}

// annotate sets an annotation, or removes it when value is nil.
func (c *cluster) annotate(ctx context.Context, name, annotation string, value any) error {
	return c.patch(ctx, name, map[string]any{"metadata": map[string]any{"annotations": map[string]any{annotation: value}}})
}

// warnOfGitOps says so when a GitOps tool is likely to undo a change of spec.
func (p *plugin) warnOfGitOps(ctx context.Context, c *cluster, name string) error {
	cc, err := c.get(ctx, name)
	if err != nil {
		return err
	}
	for tool, marks := range map[string][]string{
		"Argo CD": {"argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"},
		"Flux":    {"kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"},
	} {
		for _, m := range marks {
			if cc.Annotations[m] != "" || cc.Labels[m] != "" {
				fmt.Fprintf(p.err, "warning: %s manages this ChatCluster and may undo that: set spec.paused in git for what must last.\n", tool)
				return nil
			}
		}
	}
	return nil
}
