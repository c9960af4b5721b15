package chattenant

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/chatcluster"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint/pinpointtest"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
	"github.com/chatcluster/chatcluster/test/apiserver"
)

// table is a cluster's tenants table that notes what is written.
type table struct {
	*embedded.Store
	w *world
}

func (t table) PutTenant(ctx context.Context, r store.TenantRecord, from store.Tenant) (store.TenantRecord, error) {
	if err := t.w.fail(); err != nil {
		return r, err
	}
	t.w.wrote("table put " + string(r.Tenant))
	return t.Store.PutTenant(ctx, r, from)
}

func (t table) RemoveTenant(ctx context.Context, r store.TenantRecord) error {
	t.w.wrote("table remove " + string(r.Tenant))
	return t.Store.RemoveTenant(ctx, r)
}

// world is a ChatCluster in a namespace of its own, namespaces of tenants beside it, and a reconciler.
type world struct {
	t         *testing.T
	r         *Reconciler
	clusters  *chatcluster.Reconciler
	db        *embedded.Store
	pinpoint  *pinpointtest.Fake
	namespace string // the cluster's
	team      string // another, with labels team: <its name> and allowed: "yes"

	mu     sync.Mutex
	err    error
	writes []string
	events []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	apiserver.Beside(t)
	db, err := embedded.Open("db", embedded.Options{NoSync: true, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, db: db, pinpoint: &pinpointtest.Fake{}}
	w.namespace, w.team = w.newNamespace("chat-", nil), w.newNamespace("team-", map[string]string{"allowed": "yes"})
	direct, err := client.NewWithWatch(operatorConfig, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	recording := recordWrites(direct, w.wrote)
	w.clusters = w.newClusters(recording, direct)
	w.r = New(recording, direct, w, w.clusters, Options{})
	return w
}

func (w *world) newClusters(c client.Client, reader client.Reader) *chatcluster.Reconciler {
	return chatcluster.New(c, reader, w, chatcluster.External{
		Pinpoint: func(awsclient.Access) (pinpoint.API, error) { return w.pinpoint, nil },
		Tenants: func(_ awsclient.Access, prefix string) (store.Tenants, error) {
			if want := w.namespace + ".demo."; prefix != want {
				return nil, fmt.Errorf("table prefix %q, want %q", prefix, want)
			}
			return table{w.db, w}, nil
		},
	}, chatcluster.Options{Operator: "suite"})
}

func (w *world) newNamespace(prefix string, labels map[string]string) string {
	w.t.Helper()
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix, Labels: labels}}
	if err := admin.Create(w.t.Context(), n); err != nil {
		w.t.Fatal(err)
	}
	return n.Name
}

func (w *world) wrote(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = append(w.writes, what)
}

func (w *world) fail() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *world) failWith(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

func (w *world) takeWrites() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.writes
	w.writes = nil
	return all
}

// Eventf implements events.EventRecorder.
func (w *world) Eventf(about, _ runtime.Object, kind, reason, _, note string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf("%T %s %s: %s", about, kind, reason, fmt.Sprintf(note, args...)))
}

func (w *world) event(parts ...string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		found := true
		for _, p := range parts {
			found = found && strings.Contains(e, p)
		}
		if found {
			return true
		}
	}
	return false
}

// cluster makes the ChatCluster, with its tables ready.
func (w *world) cluster(change func(*v1alpha1.ChatClusterSpec)) {
	w.t.Helper()
	cc := &v1alpha1.ChatCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo"},
		Spec: v1alpha1.ChatClusterSpec{
			Image: "example.com/chatd:1",
			AWS:   v1alpha1.AWSSpec{Region: "eu-central-1"},
			Auth: v1alpha1.AuthSpec{Issuers: []v1alpha1.Issuer{
				{Tenant: "acme", Issuer: "https://id.acme.example", Audience: "chat", JWKSURL: "https://id.acme.example/jwks.json"},
			}},
			Tenants: v1alpha1.TenantsSpec{AllowedNamespaces: &v1alpha1.AllowedNamespaces{
				From: v1alpha1.NamespacesSelector, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"allowed": "yes"}},
			}},
			MSK: v1alpha1.MSKSpec{BootstrapServers: []string{"b-1:9094"}},
			Aurora: v1alpha1.AuroraSpec{
				Host: "db", Database: "chat", Username: "chatd", PasswordSecret: v1alpha1.SecretKey{Name: "pg"},
			},
			ElastiCache: v1alpha1.ElastiCacheSpec{Addresses: []string{"cache.example:6379"}},
		},
	}
	if change != nil {
		change(&cc.Spec)
	}
	if err := admin.Create(w.t.Context(), cc); err != nil {
		w.t.Fatal(err)
	}
	w.tablesReady(metav1.ConditionTrue)
}

func (w *world) tablesReady(status metav1.ConditionStatus) {
	w.t.Helper()
	cc := w.getCluster()
	before := cc.DeepCopy()
	meta.SetStatusCondition(&cc.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionTablesReady, Status: status, Reason: "Ready"})
	if err := admin.Status().Patch(w.t.Context(), cc, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) getCluster() *v1alpha1.ChatCluster {
	w.t.Helper()
	var cc v1alpha1.ChatCluster
	if err := admin.Get(w.t.Context(), types.NamespacedName{Namespace: w.namespace, Name: "demo"}, &cc); err != nil {
		w.t.Fatal(err)
	}
	return &cc
}

// changeCluster edits the ChatCluster as its owner would.
func (w *world) changeCluster(edit func(*v1alpha1.ChatCluster)) {
	w.t.Helper()
	if err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		cc := w.getCluster()
		edit(cc)
		return admin.Update(w.t.Context(), cc)
	}); err != nil {
		w.t.Fatal(err)
	}
}

// tenant is a ChatTenant with as little as may be said.
func (w *world) tenant(namespace, name string) *v1alpha1.ChatTenant {
	return &v1alpha1.ChatTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.ChatTenantSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "demo", Namespace: w.namespace},
			Issuer:     v1alpha1.TenantIssuer{URL: "https://id." + name + ".example", Audience: "chat"},
		},
	}
}

func (w *world) create(namespace, name string, change func(*v1alpha1.ChatTenantSpec)) {
	w.t.Helper()
	ct := w.tenant(namespace, name)
	if change != nil {
		change(&ct.Spec)
	}
	if err := admin.Create(w.t.Context(), ct); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) get(namespace, name string) *v1alpha1.ChatTenant {
	w.t.Helper()
	var ct v1alpha1.ChatTenant
	if err := admin.Get(w.t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, &ct); err != nil {
		w.t.Fatal(err)
	}
	return &ct
}

func (w *world) gone(namespace, name string) bool {
	w.t.Helper()
	err := admin.Get(w.t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, &v1alpha1.ChatTenant{})
	return apierrors.IsNotFound(err)
}

func (w *world) change(namespace, name string, edit func(*v1alpha1.ChatTenant)) {
	w.t.Helper()
	if err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		ct := w.get(namespace, name)
		edit(ct)
		return admin.Update(w.t.Context(), ct)
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(namespace, name string) {
	w.t.Helper()
	if err := admin.Delete(w.t.Context(), w.get(namespace, name)); err != nil {
		w.t.Fatal(err)
	}
}

// pass makes one pass, which must not fail.
func (w *world) pass(namespace, name string) ctrl.Result {
	w.t.Helper()
	result, err := w.r.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}})
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

func (w *world) condition(namespace, name, kind string) metav1.Condition {
	w.t.Helper()
	return ptr.Deref(meta.FindStatusCondition(w.get(namespace, name).Status.Conditions, kind), metav1.Condition{})
}

// wantReady requires a tenant to be Ready, and neither Reconciling nor Stalled.
func (w *world) wantReady(namespace, name string) {
	w.t.Helper()
	ct := w.get(namespace, name)
	c := ct.Status.Conditions
	if !meta.IsStatusConditionTrue(c, v1alpha1.ConditionReady) || !meta.IsStatusConditionTrue(c, v1alpha1.ConditionClaimsHeld) || ct.Status.ID == "" ||
		meta.FindStatusCondition(c, v1alpha1.ConditionReconciling) != nil || meta.FindStatusCondition(c, v1alpha1.ConditionStalled) != nil ||
		ct.Status.ObservedGeneration != ct.Generation {
		w.t.Fatalf("%s/%s is not Ready: %+v", namespace, name, ct.Status)
	}
}

// wantStalled requires a tenant to be Stalled with a reason, and returns the message.
func (w *world) wantStalled(namespace, name, reason string) string {
	w.t.Helper()
	ct := w.get(namespace, name)
	c := ptr.Deref(meta.FindStatusCondition(ct.Status.Conditions, v1alpha1.ConditionStalled), metav1.Condition{})
	if c.Status != metav1.ConditionTrue || c.Reason != reason || meta.IsStatusConditionTrue(ct.Status.Conditions, v1alpha1.ConditionReady) ||
		meta.FindStatusCondition(ct.Status.Conditions, v1alpha1.ConditionReconciling) != nil {
		w.t.Fatalf("%s/%s is not Stalled as %s: %+v", namespace, name, reason, ct.Status)
	}
	return c.Message
}

// record is what the table has of a tenant.
func (w *world) record(id string) *store.TenantRecord {
	w.t.Helper()
	found, err := w.db.Tenants(w.t.Context(), store.Tenant(id))
	if err != nil {
		w.t.Fatal(err)
	}
	if len(found) == 0 {
		return nil
	}
	return &found[0]
}

// job is the purge that runs, nil for none.
func (w *world) job() *batchv1.Job {
	w.t.Helper()
	var list batchv1.JobList
	if err := admin.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp.IsZero() {
			return &list.Items[i]
		}
	}
	return nil
}
