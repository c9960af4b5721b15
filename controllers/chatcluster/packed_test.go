package chatcluster

import (
	"context"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// What the cache keeps of a child can be unpacked to all that is compared, and what every pass looks at lies beside it.
func TestPackedChildren(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	for kind := range CacheOptions() {
		switch kind.(type) {
		case *v1alpha1.ChatCluster, *corev1.Pod, *corev1.Secret:
			continue
		}
		for _, whole := range w.childrenOf(kind) {
			child := whole.DeepCopyObject().(client.Object)
			for range 2 { // the cache may give its own copy to be packed once more
				if _, err := pack(child); err != nil {
					t.Fatal(err)
				}
			}
			if contents(child) == nil || child.GetUID() != whole.GetUID() || child.GetResourceVersion() != whole.GetResourceVersion() ||
				!metav1.IsControlledBy(child, w.get()) {
				t.Errorf("%T %s: %+v", kind, whole.GetName(), child)
			}
			again, err := unpack(child)
			if err != nil {
				t.Fatal(err)
			}
			if !equality.Semantic.DeepEqual(compared(t, again), compared(t, whole)) {
				t.Errorf("%T %s was packed and unpacked:\n%+v\nwant\n%+v", kind, whole.GetName(), compared(t, again), compared(t, whole))
			}
		}
	}
	d := w.deployment(workload.RoleChat)
	whole := d.DeepCopy()
	if _, err := pack(d); err != nil {
		t.Fatal(err)
	}
	image, configMap := serving(d)
	if *d.Spec.Replicas != 2 || image != "example.com/chatd:1" || configMap == "" || d.Status.AvailableReplicas != 2 || len(d.Labels) == 0 {
		t.Errorf("what every pass looks at is missing: %+v", d)
	}
	if len(d.Spec.Template.Spec.Containers) > 0 || len(whole.ManagedFields) == 0 {
		t.Errorf("nothing was packed: %+v", d)
	}
}

// compared is what is compared with what is to be applied.
func compared(t *testing.T, o client.Object) map[string]any {
	t.Helper()
	o = o.DeepCopyObject().(client.Object)
	o.SetManagedFields(nil)
	o.SetResourceVersion("")
	o.SetGeneration(0)
	u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	delete(u, "status")
	return u
}

// The cache keeps of managed fields only what tells that an autoscaler has chosen the number of pods.
func TestPackedDeploymentKeepsTheAutoscaler(t *testing.T) {
	entry := func(manager, subresource, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	scale := entry("kube-controller-manager", "scale", `{"f:spec":{"f:replicas":{}}}`)
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{
		entry(string(FieldOwner), "", `{"f:spec":{"f:replicas":{}}}`),
		entry("kube-controller-manager", "status", `{"f:status":{"f:replicas":{}}}`),
		scale,
	}}}
	if _, err := pack(d); err != nil || len(d.ManagedFields) != 1 || !othersSetReplicas(d) {
		t.Errorf("kept %v, error %v", d.ManagedFields, err)
	}
	d.ManagedFields = nil
	if _, err := pack(d); err != nil || othersSetReplicas(d) {
		t.Errorf("nobody else chose the number of pods: %v, %v", d.ManagedFields, err)
	}
}

// A pass is due for what others did to children and for what children tell; not for what the operator did, nor for each measurement.
func TestWhatChildrenTell(t *testing.T) {
	packed := func(change func(*appsv1.Deployment)) *appsv1.Deployment {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "d", ResourceVersion: "1", Labels: map[string]string{"a": "b"}}}
		d.Spec.Replicas = ptr.To[int32](2)
		change(d)
		if _, err := pack(d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	old := packed(func(*appsv1.Deployment) {})
	cases := map[string]struct {
		change func(*appsv1.Deployment)
		want   bool
	}{
		"another version of the same": {func(d *appsv1.Deployment) { d.ResourceVersion, d.Generation = "2", 3 }, false},
		"a label":                     {func(d *appsv1.Deployment) { d.Labels["a"] = "c" }, true},
		"the spec":                    {func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](3) }, true},
		"the status":                  {func(d *appsv1.Deployment) { d.Status.ReadyReplicas = 1 }, true},
		"it goes":                     {func(d *appsv1.Deployment) { d.DeletionTimestamp = ptr.To(metav1.Now()) }, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tellingChildren().Update(event.UpdateEvent{ObjectOld: old, ObjectNew: packed(tc.change)}); got != tc.want {
				t.Errorf("causes a pass: %t, want %t", got, tc.want)
			}
		})
	}
	if tellingChildren().Create(event.CreateEvent{Object: old}) {
		t.Error("what the operator has just made causes a pass")
	}
	// A watch that broke shows what came meanwhile as new.
	rolled := packed(func(d *appsv1.Deployment) { d.Status.ObservedGeneration = 1 })
	if !tellingChildren().Create(event.CreateEvent{Object: rolled}) {
		t.Error("a Deployment with a status causes no pass")
	}
	if !tellingChildren().Delete(event.DeleteEvent{Object: old}) {
		t.Error("a Deployment that went causes no pass")
	}
}

// lags is a cache that does not have what was made of late.
type lags struct{ client.Client }

func (l lags) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, own := o.(packable); own {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	return l.Client.Get(ctx, key, o, opts...)
}

// A child that the cache does not have is made in one request, and only if it is not there: what is there is looked at first, and
// nothing is written when it holds all that is applied.
func TestAChildIsMadeOnlyWhereThereIsNone(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	before := map[string]string{}
	for _, d := range w.deployments() {
		before[d] = w.deployment(strings.TrimPrefix(d, "demo-")).ResourceVersion
	}
	// Another operator, which remembers nothing, with a cache that has nothing.
	w.r.seen = newSeen()
	w.r.Client = lags{w.r.Client}
	if _, err := w.reconcile(); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	for _, d := range w.deployments() {
		if is := w.deployment(strings.TrimPrefix(d, "demo-")).ResourceVersion; is != before[d] {
			t.Errorf("Deployment %s was written", d)
		}
	}
	w.pass()
	w.takeOwnWrites()
	w.pass()
	tells := func(write string) bool { return strings.HasPrefix(write, "patch status") }
	if writes := slices.DeleteFunc(w.takeOwnWrites(), tells); len(writes) > 0 {
		t.Errorf("it tries again what it knows to be there: %v", writes)
	}
}

// A namesake that the cache does not have, because it does not carry the operator's labels, is never taken over.
func TestANamesakeWithoutLabelsIsFound(t *testing.T) {
	w := newWorld(t)
	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-gateway"}}
	account := &corev1.ServiceAccount{ObjectMeta: theirs.ObjectMeta}
	if err := admin.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	w.create(nil)
	w.r.Client = lags{w.r.Client}
	for range 3 {
		_, _ = w.reconcile() // it fails, as it should
	}
	if c := w.condition(v1alpha1.ConditionStalled); c.Reason != v1alpha1.ReasonNotOwned && !strings.Contains(c.Message, "ServiceAccount demo-gateway") {
		t.Errorf("Stalled: %s %s", c.Reason, c.Message)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(account), account); err != nil || len(account.OwnerReferences) > 0 {
		t.Errorf("it was taken over: %v, %v", account.OwnerReferences, err)
	}
}

// childrenOf are the suite's ChatCluster's children of a kind, as the API server has them.
func (w *world) childrenOf(kind client.Object) []client.Object {
	w.t.Helper()
	gvk, err := apiutil.GVKForObject(kind, scheme)
	if err != nil {
		w.t.Fatal(err)
	}
	made, err := scheme.New(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err != nil {
		w.t.Fatal(err)
	}
	list := made.(client.ObjectList)
	if err := admin.List(w.t.Context(), list, client.InNamespace(w.namespace), client.MatchingLabels{workload.LabelManagedBy: workload.ManagedBy}); err != nil {
		w.t.Fatal(err)
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		w.t.Fatal(err)
	}
	var children []client.Object
	for _, o := range items {
		children = append(children, o.(client.Object))
	}
	return children
}
