package chattenant

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/chatcluster"
)

// In a real manager, with its cache and its watches, every step follows from what happened: nobody calls the reconciler.
func TestManager(t *testing.T) {
	w := newWorld(t)
	mgr, err := ctrl.NewManager(operatorConfig, ctrl.Options{
		Scheme:  scheme,
		Cache:   cache.Options{ByObject: chatcluster.CacheOptions(), DefaultNamespaces: map[string]cache.Config{w.namespace: {}, w.team: {}}},
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := New(mgr.GetClient(), mgr.GetAPIReader(), w, w.newClusters(mgr.GetClient(), mgr.GetAPIReader()), Options{ObserveEvery: time.Hour})
	if err := r.SetupWithManager(ctx, mgr, 2); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the manager ended with %v", err)
		}
	}()
	is := func(kind string) bool {
		return meta.IsStatusConditionTrue(w.get(w.team, "globex").Status.Conditions, kind)
	}
	w.create(w.team, "globex", func(s *v1alpha1.ChatTenantSpec) { s.DeletionPolicy = v1alpha1.DeletionDelete })
	w.await("Stalled without a cluster", func() bool { return is(v1alpha1.ConditionStalled) })
	w.cluster(nil)
	w.await("Ready, by the cluster's event", func() bool { return is(v1alpha1.ConditionReady) })

	label := func(value string) {
		n := &corev1.Namespace{}
		if err := admin.Get(t.Context(), types.NamespacedName{Name: w.team}, n); err != nil {
			t.Fatal(err)
		}
		n.Labels["allowed"] = value
		if err := admin.Update(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	label("no")
	w.await("Stalled, by the namespace's event", func() bool { return is(v1alpha1.ConditionStalled) })
	label("yes")
	w.await("Ready, by the namespace's event", func() bool { return is(v1alpha1.ConditionReady) })

	w.remove(w.team, "globex")
	w.await("the purge", func() bool { return w.job() != nil })
	w.await("the purge in the status", func() bool {
		ct := &v1alpha1.ChatTenant{}
		return admin.Get(t.Context(), types.NamespacedName{Namespace: w.team, Name: "globex"}, ct) == nil && strings.Contains(
			meta.FindStatusCondition(ct.Status.Conditions, v1alpha1.ConditionReady).Message, "Job")
	})
	w.endJob(batchv1.JobComplete, time.Now())
	w.await("the end, by the Job's event", func() bool { return w.gone(w.team, "globex") })
}

// await looks every 50 ms, for half a minute.
func (w *world) await(what string, done func() bool) {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatal("waited in vain for " + what)
		}
	}
}

// Who may edit a namespace provisions tenants there, who may view it sees them, and neither writes what the operator says.
func TestRolesForPeople(t *testing.T) {
	w := newWorld(t)
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", "user_roles.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	users := map[string]client.Client{}
	for _, doc := range strings.Split(string(data), "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict([]byte(doc), &role); err != nil {
			t.Fatal(err)
		}
		if role.Labels["rbac.authorization.k8s.io/aggregate-to-"+role.Name] != "true" {
			t.Errorf("role %s is not aggregated: %v", role.Name, role.Labels)
		}
		person := role.Name + "er"
		role.Name = "chatcluster-" + role.Name // as kustomize names it
		if err := admin.Create(t.Context(), &role); err != nil {
			t.Fatal(err)
		}
		config, err := userWith(person, role.Name)
		if err != nil {
			t.Fatal(err)
		}
		if users[person], err = client.New(config, client.Options{Scheme: scheme}); err != nil {
			t.Fatal(err)
		}
	}
	for _, person := range []string{"editer", "adminer"} {
		if err := users[person].Create(t.Context(), w.tenant(w.team, person)); err != nil {
			t.Errorf("%s does not provision a tenant: %v", person, err)
		}
	}
	var list v1alpha1.ChatTenantList
	if err := users["viewer"].List(t.Context(), &list, client.InNamespace(w.team)); err != nil || len(list.Items) != 2 {
		t.Errorf("viewer sees %d tenants, %v", len(list.Items), err)
	}
	if err := users["viewer"].Delete(t.Context(), &list.Items[0]); err == nil {
		t.Error("viewer deletes a tenant")
	}
	for _, person := range []string{"editer", "adminer", "viewer"} {
		ct := w.get(w.team, "editer")
		ct.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "True", Reason: "Mine", LastTransitionTime: metav1.Now()}}
		if err := users[person].Status().Update(t.Context(), ct); err == nil {
			t.Errorf("%s writes the status", person)
		}
	}
}
