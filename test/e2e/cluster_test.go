//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

func (w *world) chatCluster(ctx context.Context, name string) (*v1alpha1.ChatCluster, error) {
	c := &v1alpha1.ChatCluster{}
	return c, w.kube.Get(ctx, ctrlclient.ObjectKey{Namespace: namespace, Name: name}, c)
}

// change merges a patch into a ChatCluster.
func (w *world) change(t *testing.T, name, patch string) {
	t.Helper()
	c := &v1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := w.kube.Patch(t.Context(), c, ctrlclient.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// pods returns a ChatCluster's pods that serve, without those of Jobs: how often each one's container was started, by its name.
func (w *world) pods(t *testing.T, name string) map[string]int32 {
	t.Helper()
	var pods corev1.PodList
	if err := w.kube.List(t.Context(), &pods, ctrlclient.InNamespace(namespace), ctrlclient.MatchingLabels{"app.kubernetes.io/instance": name}); err != nil {
		t.Fatal(err)
	}
	starts := map[string]int32{}
	for _, p := range pods.Items {
		if p.Spec.RestartPolicy == corev1.RestartPolicyAlways && p.DeletionTimestamp == nil && len(p.Status.ContainerStatuses) > 0 {
			starts[p.Name] = p.Status.ContainerStatuses[0].RestartCount + 1
		}
	}
	return starts
}

// awaitReady waits until the ChatCluster is Ready for its newest generation.
func (w *world) awaitReady(t *testing.T, name string) *v1alpha1.ChatCluster {
	t.Helper()
	var c *v1alpha1.ChatCluster
	eventually(t, patience, name+" is Ready", func(ctx context.Context) (err error) {
		if c, err = w.chatCluster(ctx, name); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case ready == nil || c.Status.ObservedGeneration != c.Generation || ready.ObservedGeneration != c.Generation:
			return errors.New("the status speaks of an older generation")
		case ready.Status != metav1.ConditionTrue:
			return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
		}
		return nil
	})
	return c
}

// rolePods returns the names of a role's running pods, sorted.
func (w *world) rolePods(ctx context.Context, role string) ([]string, error) {
	var pods corev1.PodList
	err := w.kube.List(ctx, &pods, ctrlclient.InNamespace(namespace), ctrlclient.MatchingLabels{
		"app.kubernetes.io/instance": cluster, "app.kubernetes.io/component": role,
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// replacePods deletes a role's pods one after the other, and waits each time until a new one is ready.
func (w *world) replacePods(t *testing.T, role string, how ...ctrlclient.DeleteOption) {
	t.Helper()
	names, err := w.rolePods(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatalf("no pods of role %s", role)
	}
	for _, name := range names {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if err := w.kube.Delete(t.Context(), pod, how...); err != nil {
			t.Fatal(err)
		}
		eventually(t, patience, role+" is whole again", func(ctx context.Context) error {
			return w.wholeWithout(ctx, role, name, len(names))
		})
	}
}

// wholeWithout says whether want pods of the role are ready, none of them the one that was deleted.
func (w *world) wholeWithout(ctx context.Context, role, deleted string, want int) error {
	var pods corev1.PodList
	err := w.kube.List(ctx, &pods, ctrlclient.InNamespace(namespace), ctrlclient.MatchingLabels{
		"app.kubernetes.io/instance": cluster, "app.kubernetes.io/component": role,
	})
	if err != nil {
		return err
	}
	ready := 0
	for _, p := range pods.Items {
		if p.Name == deleted {
			return fmt.Errorf("%s has not gone", deleted)
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	if ready < want {
		return fmt.Errorf("%d of %d pods ready", ready, want)
	}
	return nil
}
