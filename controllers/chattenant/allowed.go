package chattenant

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// namespaceMeta is a Namespace of which only the metadata is read and cached.
func namespaceMeta() *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return m
}

// allowed says whether the cluster allows tenants of the tenant's namespace.
func (s *scope) allowed(ctx context.Context) (bool, error) {
	if s.ct.Namespace == s.cc.Namespace {
		return true, nil
	}
	from := s.cc.Spec.Tenants.AllowedNamespaces
	if from == nil || from.From == v1alpha1.NamespacesSame {
		return false, nil
	}
	if from.From == v1alpha1.NamespacesAll {
		return true, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(from.Selector)
	if err != nil {
		return false, fault.Terminal(v1alpha1.ReasonInvalid, "spec.tenants.allowedNamespaces of ChatCluster %s/%s is not a selector", s.cc.Namespace, s.cc.Name)
	}
	namespace := namespaceMeta()
	err = s.Get(ctx, types.NamespacedName{Name: s.ct.Namespace}, namespace)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("get Namespace %s: %w", s.ct.Namespace, err)
	}
	return selector.Matches(labels.Set(namespace.Labels)), nil
}
