//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
)

// operatorUpgraded upgrades the chart's release under people who talk: another manager, and one more that waits. The pods that serve
// stay what they are, and nobody's connection ends.
func operatorUpgraded(t *testing.T, w *world) {
	managers := func(ctx context.Context) (*appsv1.Deployment, error) {
		d := &appsv1.Deployment{}
		return d, w.kube.Get(ctx, ctrlclient.ObjectKey{Namespace: "chatcluster-system", Name: "chatcluster-manager"}, d)
	}
	old, err := managers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := w.pods(t, cluster)
	tr := w.talkers(t, "helm")
	tr.moves(t, 20)

	w.helm(t, "upgrade", "chatcluster", "../../charts/chatcluster", "--namespace", "chatcluster-system", "--reuse-values",
		"--set", "logVerbosity=1", "--set", "replicas=2", "--wait", "--timeout", "3m")
	if d, err := managers(t.Context()); err != nil || d.Generation == old.Generation || d.Status.ReadyReplicas != 2 {
		t.Errorf("after the upgrade %d managers are ready (%v), want 2 new ones", d.Status.ReadyReplicas, err)
	}
	w.awaitRepair(t)
	tr.moves(t, 20)
	tr.verify(t)
	for _, p := range tr.people {
		if n := p.dropped(); n > 0 {
			t.Errorf("%s was disconnected %d times", p.name, n)
		}
	}
	if diff := cmp.Diff(before, w.pods(t, cluster)); diff != "" {
		t.Errorf("pods were replaced or started again, -before +after:\n%s", diff)
	}
}

// awaitRepair takes something from a ChatCluster and waits until the operator has made it anew: somebody leads.
func (w *world) awaitRepair(t *testing.T) {
	t.Helper()
	budget := &policyv1.PodDisruptionBudget{}
	key := ctrlclient.ObjectKey{Namespace: namespace, Name: cluster + "-chat"}
	if err := w.kube.Get(t.Context(), key, budget); err != nil {
		t.Fatal(err)
	}
	taken := budget.UID
	if err := w.kube.Delete(t.Context(), budget); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "the disruption budget is made anew", func(ctx context.Context) error {
		if err := w.kube.Get(ctx, key, budget); err != nil {
			return err
		}
		if budget.UID == taken {
			return errors.New("it has not gone")
		}
		return nil
	})
}

// helm runs Helm as a person would.
func (w *world) helm(t *testing.T, args ...string) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), w.Helm, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+w.Kubeconfig, "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("helm %s: %v\n%s", args[0], err, out.String())
	}
}
