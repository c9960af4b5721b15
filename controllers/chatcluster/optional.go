package chatcluster

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/controllers/workload"
)

// everybody stands for the UID in the memo where something is known for all ChatClusters.
const everybody types.UID = ""

// served tells whether the Kubernetes cluster knows a kind. That it does not is asked again every few minutes, or when a user asks
// for a look at everything: it may be installed later.
func (s *scope) served(kind schema.GroupVersionKind) (bool, error) {
	if _, ok := s.memo.get(everybody, "unserved "+kind.Kind, nil); ok {
		return false, nil
	}
	_, err := s.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		s.memo.put(everybody, "unserved "+kind.Kind, nil, nil, jitter(s.Options.ObserveEvery/5))
		return false, nil
	}
	return err == nil, kubernetes("look for kind "+kind.Kind, err)
}

// applyOptional applies an object of a kind that the Kubernetes cluster may not know. live is the object before, nil when there
// was none or the kind is not served.
func (s *scope) applyOptional(ctx context.Context, kind schema.GroupVersionKind, o workload.Object) (live *unstructured.Unstructured, served bool, err error) {
	if served, err := s.served(kind); !served || err != nil {
		return nil, served, err
	}
	s.memo.drop(s.cc.UID, "absent "+kind.Kind+"/"+*o.Metadata.Name)
	into := &unstructured.Unstructured{}
	into.SetGroupVersionKind(kind)
	done, err := s.apply(ctx, into, o)
	if meta.IsNoMatchError(err) {
		return nil, false, nil
	}
	live, _ = done.live.(*unstructured.Unstructured)
	return live, true, err
}

// removeOptional removes an object of such a kind. That it is gone is remembered for a while: these kinds are not watched.
func (s *scope) removeOptional(ctx context.Context, kind schema.GroupVersionKind, name string) error {
	key := "absent " + kind.Kind + "/" + name
	if _, ok := s.memo.get(s.cc.UID, key, nil); ok {
		return nil
	}
	served, err := s.served(kind)
	if err != nil {
		return err
	}
	if served {
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(kind)
		if err := s.remove(ctx, o, name); err != nil {
			return err
		}
	}
	s.memo.put(s.cc.UID, key, nil, nil, jitter(s.Options.ObserveEvery))
	return nil
}

// remove deletes a child that is not wanted any more. What is not this ChatCluster's stays.
func (s *scope) remove(ctx context.Context, into client.Object, name string) error {
	err := s.Get(ctx, types.NamespacedName{Namespace: s.cc.Namespace, Name: name}, into)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return kubernetes("get "+name, err)
	}
	if !metav1.IsControlledBy(into, s.cc) || !into.GetDeletionTimestamp().IsZero() {
		return nil
	}
	uid := into.GetUID()
	err = s.Delete(ctx, into, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return kubernetes("delete "+name, err)
}
