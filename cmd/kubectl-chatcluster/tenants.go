package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/cmd/internal/output"
)

// pageOfTenants is how many the API server is asked for at a time: there may be thousands.
const pageOfTenants = 500

// tenant is what tenants says of a ChatTenant.
type tenant struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	ID        string `json:"id,omitempty"`
	Cluster   string `json:"cluster"`
	State     string `json:"state"`
	Message   string `json:"message,omitempty"`
	Suspended bool   `json:"suspended,omitempty"`
}

func (p *plugin) tenantsCommand() *cobra.Command {
	var f output.Format
	var everywhere bool
	cmd := &cobra.Command{
		Use: "tenants [CLUSTER]", Short: "List ChatTenants: those of a ChatCluster of this namespace, or all of the namespace", Args: cobra.MaximumNArgs(1),
		Example: `  kubectl chatcluster tenants -n chat
  kubectl chatcluster tenants chat -n chat --all-namespaces -o json | jq -r '.[] | select(.state != "Ready") | .name'`,
		ValidArgsFunction: p.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.connect(p.flags)
			if err != nil {
				return err
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			all, err := c.tenants(cmd.Context(), name, everywhere)
			if err != nil {
				return err
			}
			return f.Print(p.out, all, func(w io.Writer) error { return tenantTable(w, all) })
		},
	}
	f.Bind(cmd)
	cmd.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "Look in all namespaces: a cluster's tenants may be in others")
	return cmd
}

func (c *cluster) tenants(ctx context.Context, name string, everywhere bool) ([]tenant, error) {
	all := []tenant{}
	options := []client.ListOption{client.Limit(pageOfTenants)}
	if !everywhere {
		options = append(options, client.InNamespace(c.namespace))
	}
	for token := ""; ; {
		var list v1alpha1.ChatTenantList
		err := c.List(ctx, &list, append(options, client.Continue(token))...)
		if meta.IsNoMatchError(err) {
			return nil, errors.New("this Kubernetes cluster has no ChatTenants: the operator's CRDs are missing or older")
		}
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			t := tenantOf(&list.Items[i])
			if name == "" || t.Cluster == c.namespace+"/"+name {
				all = append(all, t)
			}
		}
		if token = list.Continue; token == "" {
			slices.SortStableFunc(all, func(a, b tenant) int { return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name) })
			return all, nil
		}
	}
}

func tenantOf(ct *v1alpha1.ChatTenant) tenant {
	t := tenant{
		Namespace: ct.Namespace, Name: ct.Name, ID: ct.Status.ID, Suspended: ct.Spec.Suspended, State: stateReconciling,
		Cluster: cmp.Or(ct.Spec.ClusterRef.Namespace, ct.Namespace) + "/" + ct.Spec.ClusterRef.Name,
	}
	ready := meta.FindStatusCondition(ct.Status.Conditions, v1alpha1.ConditionReady)
	stalled := meta.FindStatusCondition(ct.Status.Conditions, v1alpha1.ConditionStalled)
	switch {
	case ct.Status.ObservedGeneration != ct.Generation:
		t.Message = fmt.Sprintf("waits for the operator to see generation %d", ct.Generation)
	case stalled != nil && stalled.Status == metav1.ConditionTrue:
		t.State, t.Message = stateStalled, stalled.Message
	case ready != nil && ready.Status == metav1.ConditionTrue:
		t.State = stateReady
	case ready != nil:
		t.Message = ready.Message
	}
	if !ct.DeletionTimestamp.IsZero() && t.State != stateStalled {
		t.State = stateDeleting
	}
	return t
}

func tenantTable(w io.Writer, all []tenant) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "No ChatTenants.")
		return err
	}
	rows := [][]string{{"NAMESPACE", "NAME", "ID", "CLUSTER", "STATE", "MESSAGE"}}
	for _, t := range all {
		state := t.State
		if t.Suspended {
			state += ", suspended"
		}
		rows = append(rows, []string{t.Namespace, t.Name, output.OrNone(t.ID), t.Cluster, state, output.OrNone(t.Message)})
	}
	return output.Columns(w, rows)
}
