package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// floor is what the API server and etcd take for the same objects when nobody thinks about them: a plain client applies them as fast as it
// can, without reading, on a control plane of its own.
func (b *bench) floor(ctx context.Context, children []*unstructured.Unstructured) (took time.Duration, cpu map[string]float64, err error) {
	p, err := b.plane(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	idle, err := p.CPU()
	if err != nil {
		return 0, nil, err
	}
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(appliers)
	for _, o := range children {
		group.Go(func() error {
			err := p.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("floor"), client.ForceOwnership)
			if err != nil {
				return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, nil, err
	}
	took = time.Since(start)
	cpu, err = p.CPU()
	for who := range cpu {
		cpu[who] = round(cpu[who] - idle[who])
	}
	return took, cpu, err
}

// bare are the children as somebody would write them down: what the API server adds is left out.
func bare(list []unstructured.Unstructured) []*unstructured.Unstructured {
	out := make([]*unstructured.Unstructured, len(list))
	for i := range list {
		o := list[i].DeepCopy()
		for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"} {
			unstructured.RemoveNestedField(o.Object, "metadata", field)
		}
		unstructured.RemoveNestedField(o.Object, "status")
		switch o.GetKind() {
		case "Job":
			unstructured.RemoveNestedField(o.Object, "spec", "selector")
			for _, label := range []string{"controller-uid", "job-name", batchv1.ControllerUidLabel, batchv1.JobNameLabel} {
				unstructured.RemoveNestedField(o.Object, "spec", "template", "metadata", "labels", label)
			}
		case "Service":
			if ip, _, _ := unstructured.NestedString(o.Object, "spec", "clusterIP"); ip != corev1.ClusterIPNone {
				unstructured.RemoveNestedField(o.Object, "spec", "clusterIP")
				unstructured.RemoveNestedField(o.Object, "spec", "clusterIPs")
			}
		}
		out[i] = o
	}
	return out
}
