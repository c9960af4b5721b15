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
)

// packer names the entry among a child's managed fields that holds what the cache has packed.
const packer = "packed"

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
		status, others := c.Status, slices.DeleteFunc(c.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return !setsReplicas(e) })
		c.Status = appsv1.DeploymentStatus{}
		if err := seal(c); err != nil {
			return nil, err
		}
		c.Spec, c.Status = appsv1.DeploymentSpec{Replicas: c.Spec.Replicas}, status
		c.ManagedFields = append(c.ManagedFields, others...)
	case *batchv1.Job:
		status := c.Status
		c.Status = batchv1.JobStatus{}
		if err := seal(c); err != nil {
			return nil, err
		}
		c.Spec, c.Status = batchv1.JobSpec{BackoffLimit: c.Spec.BackoffLimit}, status
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

// seal puts a child's contents among its managed fields, in their place. What changes by itself is left out: versions, and who manages
// which field.
func seal(o packable) error {
	version, generation := o.GetResourceVersion(), o.GetGeneration()
	o.SetResourceVersion("")
	o.SetGeneration(0)
	o.SetManagedFields(nil)
	data, err := o.Marshal()
	if err != nil {
		return fmt.Errorf("pack %s: %w", o.GetName(), err)
	}
	o.SetResourceVersion(version)
	o.SetGeneration(generation)
	fields := &metav1.FieldsV1{}
	fields.SetRawBytes(cached.squeeze(reflect.TypeOf(o), data))
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: packer, FieldsV1: fields}})
	return nil
}

// squeezed are a child's contents as the cache keeps them, nil where they are not packed.
func squeezed(o client.Object) []byte {
	for _, e := range o.GetManagedFields() {
		if e.Manager == packer && e.FieldsV1 != nil {
			return e.FieldsV1.GetRawBytes()
		}
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
	return whole, nil
}

// sameContents tells whether two versions of a child hold the same, as far as the cache's copies tell.
func sameContents(a, b client.Object) bool {
	one, other := contents(a), contents(b)
	return one != nil && bytes.Equal(one, other) && a.GetDeletionTimestamp().Equal(b.GetDeletionTimestamp())
}

// plain is the metadata that every pass looks at.
func plain(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion, Generation: m.Generation,
		CreationTimestamp: m.CreationTimestamp, DeletionTimestamp: m.DeletionTimestamp, OwnerReferences: m.OwnerReferences,
		ManagedFields: m.ManagedFields,
	}
}

// share has children keep one copy of what is the same in all of them.
func share(o client.Object) {
	o.SetNamespace(shared(o.GetNamespace()))
	owners := o.GetOwnerReferences()
	for i := range owners {
		r := &owners[i]
		r.APIVersion, r.Kind, r.Name, r.UID = shared(r.APIVersion), shared(r.Kind), shared(r.Name), shared(r.UID)
		r.Controller, r.BlockOwnerDeletion = sharedBool(r.Controller), sharedBool(r.BlockOwnerDeletion)
	}
	o.SetOwnerReferences(owners)
	if labels := o.GetLabels(); labels != nil {
		same := make(map[string]string, len(labels))
		for k, v := range labels {
			same[shared(k)] = shared(v)
		}
		o.SetLabels(same)
	}
}

var yes, no = true, false

func sharedBool(b *bool) *bool {
	switch {
	case b == nil:
		return nil
	case *b:
		return &yes
	}
	return &no
}
