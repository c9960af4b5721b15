package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var tenantKind = schema.GroupVersionKind{Group: "chatcluster.io", Version: "v1alpha1", Kind: "ChatTenantList"}

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
	var f format
	var everywhere bool
	cmd := &cobra.Command{
		Use: "tenants [CLUSTER]", Short: "List ChatTenants: those of a ChatCluster of this namespace, or all of the namespace", Args: cobra.MaximumNArgs(1),
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
			return f.print(p.out, all, func(w io.Writer) error { return tenantTable(w, all) })
		},
	}
	f.bind(cmd)
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
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(tenantKind)
		err := c.List(ctx, list, append(options, client.Continue(token))...)
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
		if token = list.GetContinue(); token == "" {
			slices.SortStableFunc(all, func(a, b tenant) int { return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name) })
			return all, nil
		}
	}
}

func tenantOf(u *unstructured.Unstructured) tenant {
	text := func(path ...string) string {
		s, _, _ := unstructured.NestedString(u.Object, path...)
		return s
	}
	t := tenant{Namespace: u.GetNamespace(), Name: u.GetName(), ID: text("status", "id"), State: stateReconciling}
	namespace := text("spec", "clusterRef", "namespace")
	if namespace == "" {
		namespace = u.GetNamespace()
	}
	t.Cluster = namespace + "/" + text("spec", "clusterRef", "name")
	t.Suspended, _, _ = unstructured.NestedBool(u.Object, "spec", "suspended")
	observed, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, one := range conditions {
		condition, ok := one.(map[string]any)
		if !ok {
			continue
		}
		message, _ := condition["message"].(string)
		switch {
		case condition["type"] == stateStalled && condition["status"] == "True":
			t.State, t.Message = stateStalled, message
		case condition["type"] == stateReady && condition["status"] == "True" && observed == u.GetGeneration():
			t.State = stateReady
		case condition["type"] == stateReady && t.Message == "":
			t.Message = message
		}
	}
	if u.GetDeletionTimestamp() != nil {
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
		rows = append(rows, []string{t.Namespace, t.Name, orNone(t.ID), t.Cluster, state, orNone(t.Message)})
	}
	return columns(w, rows)
}
