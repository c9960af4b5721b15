package chatcluster

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/controllers/workload"
)

// packable is a child: each of their kinds can be serialized.
type packable interface {
	client.Object
	Marshal() ([]byte, error)
	Unmarshal(data []byte) error
}

// pack is what the cache keeps of a child: its contents in one squeezed piece of bytes, and beside them what every pass looks at. A ChatCluster
// has dozens of children, and what is in them is needed only when one of them may have changed.
func pack(o any) (any, error) {
	child, ok := o.(packable)
	if !ok || squeezed(child) != nil {
		return o, nil
	}
	switch c := o.(type) {
	case *appsv1.Deployment:
		status, managed := c.Status, slices.Clone(slices.DeleteFunc(c.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return !setsReplicas(e) }))
		c.Status = appsv1.DeploymentStatus{}
		if err := seal(c); err != nil {
			return nil, err
		}
		c.Spec, c.Status = appsv1.DeploymentSpec{Replicas: c.Spec.Replicas}, status
		c.Annotations = only(c.Annotations, workload.AnnotationImage, workload.AnnotationConfig)
		c.ManagedFields = managed
	case *batchv1.Job:
		status := c.Status
		c.Status = batchv1.JobStatus{}
		if err := seal(c); err != nil {
			return nil, err
		}
		c.Spec, c.Status = batchv1.JobSpec{BackoffLimit: c.Spec.BackoffLimit}, status
		c.Annotations = only(c.Annotations, workload.AnnotationTenant)
	case *corev1.Service:
		status := c.Status
		c.Status = corev1.ServiceStatus{}
		if err := seal(c); err != nil {
			return nil, err
		}
		*c = corev1.Service{ObjectMeta: plain(c.ObjectMeta), Status: status}
	case *corev1.ConfigMap:
		if err := seal(c); err != nil {
			return nil, err
		}
		labels := c.Labels // some are found by them
		*c = corev1.ConfigMap{ObjectMeta: plain(c.ObjectMeta)}
		c.Labels = labels
	case *corev1.ServiceAccount:
		if err := seal(c); err != nil {
			return nil, err
		}
		*c = corev1.ServiceAccount{ObjectMeta: plain(c.ObjectMeta)}
	case *policyv1.PodDisruptionBudget:
		c.Status = policyv1.PodDisruptionBudgetStatus{}
		if err := seal(c); err != nil {
			return nil, err
		}
		*c = policyv1.PodDisruptionBudget{ObjectMeta: plain(c.ObjectMeta)}
	case *networkingv1.NetworkPolicy:
		if err := seal(c); err != nil {
			return nil, err
		}
		*c = networkingv1.NetworkPolicy{ObjectMeta: plain(c.ObjectMeta)}
	case *networkingv1.Ingress:
		c.Status = networkingv1.IngressStatus{}
		if err := seal(c); err != nil {
			return nil, err
		}
		*c = networkingv1.Ingress{ObjectMeta: plain(c.ObjectMeta)}
	case *autoscalingv2.HorizontalPodAutoscaler:
		c.Status = autoscalingv2.HorizontalPodAutoscalerStatus{}
		if err := seal(c); err != nil {
			return nil, err
		}
		*c = autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: plain(c.ObjectMeta)}
	}
	share(child)
	return o, nil
}

// seal puts a child's contents in the place of its self link, which no API server has filled since Kubernetes 1.20: a string costs least, and
// whoever gets a copy of the child shares it. What lies beside the contents in any case is left out, and so is what changes by itself: versions,
// and who manages which field.
func seal(o packable) error {
	beside := metav1.ObjectMeta{
		Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(), Generation: o.GetGeneration(),
		CreationTimestamp: o.GetCreationTimestamp(), DeletionTimestamp: o.GetDeletionTimestamp(), OwnerReferences: o.GetOwnerReferences(),
	}
	o.SetManagedFields(nil)
	lay(metav1.ObjectMeta{OwnerReferences: unnamed(beside.OwnerReferences)}, o)
	o.SetResourceVersion("")
	o.SetGeneration(0)
	data, err := o.Marshal()
	if err != nil {
		return fmt.Errorf("pack %s: %w", beside.Name, err)
	}
	lay(beside, o)
	o.SetResourceVersion(beside.ResourceVersion)
	o.SetGeneration(beside.Generation)
	o.SetSelfLink(string(cached.squeeze(reflect.TypeOf(o), data)))
	return nil
}

// lay gives a child what lies beside its contents and does not change by itself.
func lay(m metav1.ObjectMeta, o client.Object) {
	o.SetNamespace(m.Namespace)
	o.SetName(m.Name)
	o.SetUID(m.UID)
	o.SetCreationTimestamp(m.CreationTimestamp)
	o.SetDeletionTimestamp(m.DeletionTimestamp)
	o.SetOwnerReferences(m.OwnerReferences)
}

// unnamed are owner references without the owners' identity, in which nothing is alike.
func unnamed(owners []metav1.OwnerReference) []metav1.OwnerReference {
	owners = slices.Clone(owners)
	for i := range owners {
		owners[i].UID = ""
	}
	return owners
}

// squeezed are a child's contents as the cache keeps them, nil where they are not packed.
func squeezed(o client.Object) []byte {
	if kept := o.GetSelfLink(); kept != "" {
		return []byte(kept)
	}
	return nil
}

// contents are a child's as the cache has packed them, nil where they are not packed or cannot be read.
func contents(o client.Object) []byte {
	data, err := cached.unsqueeze(reflect.TypeOf(o), squeezed(o))
	if err != nil {
		return nil
	}
	return data
}

// unpack returns a child with all that is in it, whether it comes from the cache or not. What changes by itself may be missing.
func unpack(o client.Object) (client.Object, error) {
	kept := squeezed(o)
	if kept == nil {
		return o, nil
	}
	whole, ok := reflect.New(reflect.TypeOf(o).Elem()).Interface().(packable)
	if !ok {
		return nil, fmt.Errorf("unpack %s: a %T is never packed", o.GetName(), o)
	}
	data, err := cached.unsqueeze(reflect.TypeOf(o), kept)
	if err == nil {
		err = whole.Unmarshal(data)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", o.GetName(), err)
	}
	lay(metav1.ObjectMeta{
		Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), CreationTimestamp: o.GetCreationTimestamp(),
		DeletionTimestamp: o.GetDeletionTimestamp(), OwnerReferences: o.GetOwnerReferences(),
	}, whole)
	return whole, nil
}

// sameContents tells whether two versions of a child hold the same, as far as the cache's copies tell.
func sameContents(a, b client.Object) bool {
	one, other := contents(a), contents(b)
	return one != nil && bytes.Equal(one, other) && a.GetUID() == b.GetUID() && a.GetDeletionTimestamp().Equal(b.GetDeletionTimestamp()) &&
		slices.EqualFunc(a.GetOwnerReferences(), b.GetOwnerReferences(), func(x, y metav1.OwnerReference) bool { return x.UID == y.UID })
}

// only are the annotations of these names, nil for none.
func only(all map[string]string, names ...string) (some map[string]string) {
	for _, name := range names {
		if value, ok := all[name]; ok {
			if some == nil {
				some = map[string]string{}
			}
			some[name] = shared(value)
		}
	}
	return some
}

// plain is the metadata that every pass looks at.
func plain(m metav1.ObjectMeta) metav1.ObjectMeta {
	p := metav1.ObjectMeta{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion, Generation: m.Generation,
		CreationTimestamp: m.CreationTimestamp, DeletionTimestamp: m.DeletionTimestamp, OwnerReferences: m.OwnerReferences,
	}
	p.SetSelfLink(m.GetSelfLink()) // the contents
	return p
}

// share has objects keep one copy of what is the same in many of them.
func share(o client.Object) {
	o.SetNamespace(shared(o.GetNamespace()))
	o.SetOwnerReferences(families.one(o.GetOwnerReferences()))
	o.SetLabels(labellings.one(o.GetLabels()))
}
