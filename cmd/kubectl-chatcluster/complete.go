package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

const (
	// completeWithin is how long a person who pressed the tab key waits.
	completeWithin = 3 * time.Second
	// maxCompleted is how many names are offered.
	maxCompleted = 200
)

// completeNames offers the namespace's ChatClusters, with their state. Without an API server it offers nothing.
func (p *plugin) completeNames(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := p.connect(p.flags)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()
	var list v1alpha1.ChatClusterList
	if err := c.List(ctx, &list, client.InNamespace(c.namespace), client.Limit(maxCompleted)); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for i := range list.Items {
		names = append(names, cobra.CompletionWithDesc(list.Items[i].Name, summarize(&list.Items[i], nil).State))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
