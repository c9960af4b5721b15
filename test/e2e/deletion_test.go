//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// retained deletes the sample, which leaves its data, and makes it again: it is taken over on the user's word, and everybody finds
// what they had.
func retained(t *testing.T, w *world) {
	alice, bob := w.person("alice-kept"), w.person("bob-kept")
	alice.connect(t)
	bob.connect(t)
	conv := direct(t, alice, bob)
	alice.send(t, conv, "keep this")
	bob.awaitBodies(t, conv, []string{"keep this"})
	alice.leave(t)
	bob.leave(t)

	old, err := w.chatCluster(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	w.deleteAndAwait(t, old)
	w.checkRetained(t, old)

	again := &v1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: cluster}, Spec: old.Spec}
	if err := w.kube.Create(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	eventually(t, soon, "what is nobody's is not taken without a word", func(ctx context.Context) error {
		c, err := w.chatCluster(ctx, cluster)
		if err != nil {
			return err
		}
		// Where tables had tags, TablesReady would say so, too: this engine has none.
		push := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionPushReady)
		if push == nil || push.Reason != v1alpha1.ReasonNotOwned || !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionStalled) {
			return fmt.Errorf("PushReady is %+v", push)
		}
		return nil
	})
	w.change(t, cluster, fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionAdopt))
	c := w.awaitReady(t, cluster)
	w.change(t, cluster, fmt.Sprintf(`{"metadata":{"annotations":{%q:null}}}`, v1alpha1.AnnotationAdoptionPolicy))
	if c.Status.Push.ApplicationID != old.Status.Push.ApplicationID {
		t.Errorf("the push application is %s, was %s", c.Status.Push.ApplicationID, old.Status.Push.ApplicationID)
	}

	alice.connect(t)
	alice.send(t, conv, "still here")
	bob.connect(t)
	bob.awaitBodies(t, conv, []string{"keep this", "still here"})
	w.awaitTenant(t, tenant, v1alpha1.ReasonReady)
}

// checkRetained checks that a deleted ChatCluster's data is there, and that an event says so.
func (w *world) checkRetained(t *testing.T, c *v1alpha1.ChatCluster) {
	t.Helper()
	prefix, topics := c.Spec.DynamoDB.TablePrefix, c.Spec.MSK.TopicPrefix
	if got, want := len(w.tables(t, prefix)), len(dynamo.Tables()); got != want {
		t.Errorf("Retain left %d tables, want all %d", got, want)
	}
	if got, want := len(w.topics(t, topics)), len(eventlog.Topics()); got != want {
		t.Errorf("Retain left %d topics, want all %d", got, want)
	}
	var events eventsv1.EventList
	if err := w.kube.List(t.Context(), &events, ctrlclient.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events.Items, func(e eventsv1.Event) bool {
		return e.Regarding.Name == c.Name && strings.Contains(e.Note, prefix)
	}) {
		t.Error("no event says which tables were left")
	}
}

// removed deletes the second ChatCluster with its data.
func removed(t *testing.T, w *world) {
	c, err := w.chatCluster(t.Context(), fleeting)
	if err != nil {
		t.Fatal(err)
	}
	w.deleteAndAwait(t, c)
	if left := w.tables(t, c.Spec.DynamoDB.TablePrefix); len(left) > 0 {
		t.Errorf("Delete left the tables %v", left)
	}
	if left := w.topics(t, c.Spec.MSK.TopicPrefix); len(left) > 0 {
		t.Errorf("Delete left the topics %v", left)
	}
}

// childKinds are what a ChatCluster owns.
var childKinds = []schema.GroupVersionKind{
	{Group: "apps", Version: "v1", Kind: "DeploymentList"},
	{Group: "batch", Version: "v1", Kind: "JobList"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudgetList"},
	{Version: "v1", Kind: "PodList"},
	{Version: "v1", Kind: "ServiceList"},
	{Version: "v1", Kind: "ConfigMapList"},
	{Version: "v1", Kind: "ServiceAccountList"},
}

// deleteAndAwait deletes the ChatCluster and waits until it and everything that it owned in the cluster is gone.
func (w *world) deleteAndAwait(t *testing.T, c *v1alpha1.ChatCluster) {
	t.Helper()
	if err := w.kube.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, c.Name+" is gone", func(ctx context.Context) error {
		switch _, err := w.chatCluster(ctx, c.Name); {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return errors.New("it is still there")
	})
	eventually(t, patience, "its children are gone", func(ctx context.Context) error {
		for _, kind := range childKinds {
			list := &metav1.PartialObjectMetadataList{}
			list.SetGroupVersionKind(kind)
			if err := w.kube.List(ctx, list, ctrlclient.InNamespace(namespace), ctrlclient.MatchingLabels{"app.kubernetes.io/instance": c.Name}); err != nil {
				return err
			}
			if n := len(list.Items); n > 0 {
				return fmt.Errorf("%s: %d left, such as %s", kind.Kind, n, list.Items[0].Name)
			}
		}
		return nil
	})
}
