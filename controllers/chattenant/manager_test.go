package chattenant

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/chatcluster"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

// In a real manager, with its cache and its watches, every step follows from what happened: nobody calls the reconciler.
func TestManager(t *testing.T) {
	w := newWorld(t)
	w.manage()
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

// manage runs a manager with the suite's namespaces until the test ends.
func (w *world) manage() {
	w.t.Helper()
	known := runtime.NewScheme() // making a manager writes to it, while another one may be reading
	if err := errors.Join(clientgoscheme.AddToScheme(known), v1alpha1.AddToScheme(known)); err != nil {
		w.t.Fatal(err)
	}
	mgr, err := ctrl.NewManager(operatorConfig, ctrl.Options{
		Scheme:  known,
		Cache:   cache.Options{ByObject: chatcluster.CacheOptions(), DefaultNamespaces: map[string]cache.Config{w.namespace: {}, w.team: {}}},
		Metrics: metricsserver.Options{BindAddress: "0"},
		// Each test has a manager of its own, in the same process.
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := New(mgr.GetClient(), mgr.GetAPIReader(), w, w.newClusters(mgr.GetClient(), mgr.GetAPIReader()), Options{ObserveEvery: time.Hour})
	if err := r.SetupWithManager(ctx, mgr, 2); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the manager ended with %v", err)
		}
	})
}

// A tenant's credentials that come late or are rotated are acted on at once, long before anybody would look by himself; those of its
// neighbors cause it no pass.
func TestRotatedSecretsReconcileAtOnce(t *testing.T) {
	w := newWorld(t)
	w.cluster(nil)
	w.allowOwnPush()
	w.manage()
	w.create(w.team, "initech", fcm)
	w.await("the missing Secret to be told", func() bool {
		c := meta.FindStatusCondition(w.get(w.team, "initech").Status.Conditions, v1alpha1.ConditionPushReady)
		return c != nil && c.Reason == v1alpha1.ReasonPending
	})
	given := func() string {
		c, _ := w.pinpoint.Given(w.get(w.team, "initech").Status.Push.ApplicationID, pinpoint.FCM)
		return c.ServiceJSON
	}
	ready := func() bool {
		return meta.IsStatusConditionTrue(w.get(w.team, "initech").Status.Conditions, v1alpha1.ConditionReady)
	}
	const late, rotated = `{"project_id":"late"}`, `{"project_id":"rotated"}`
	w.account(late)
	w.await("Ready, by the Secret's event", func() bool { return ready() && given() == late })
	w.account(rotated)
	w.await("the rotated credentials, by the Secret's event", func() bool { return given() == rotated })
}

func TestOnlySecretsThatATenantNamesTellIt(t *testing.T) {
	w := &world{t: t, namespace: "chat"}
	ct := w.tenant("team", "initech")
	if names := secretsIndexer(ct); len(names) > 0 {
		t.Errorf("a tenant without pushes of its own names %v", names)
	}
	ct.Spec.Push = &v1alpha1.TenantPush{Channels: v1alpha1.ChannelsSpec{
		APNS:        &v1alpha1.APNSChannel{Token: &v1alpha1.APNSToken{KeySecret: v1alpha1.SecretKey{Name: "apple"}}},
		APNSSandbox: &v1alpha1.APNSChannel{Certificate: &v1alpha1.APNSCertificate{SecretName: "apple-tls"}},
		FCM:         &v1alpha1.FCMChannel{ServiceAccountSecret: v1alpha1.SecretKey{Name: "apple"}}, ADM: &v1alpha1.ADMChannel{SecretName: "adm"},
	}}
	if names := secretsIndexer(ct); !slices.Equal(names, []string{"adm", "apple", "apple-tls"}) {
		t.Errorf("it names %v", names)
	}
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
		config, err := server.User(person, role.Name)
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
