package chatcluster

import (
	"context"
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// namedFact is the worst of the facts of roles that run where the spec names them, and of what else concerns them. It is pure.
func namedFact(f *facts, roles []string, more ...concern) fact {
	if f.policy.err != nil {
		return f.policy
	}
	list := more
	for _, role := range roles {
		list = append(list, concern{condition: role, fact: f.roles[role]})
	}
	if f.roles == nil {
		list = append(list, concern{condition: "workloads", fact: f.base})
	}
	first := worst(list)
	if first == nil {
		return fact{}
	}
	found := first.fact
	if found.err == nil {
		found.message = first.condition + ": " + found.message
	}
	return found
}

// removeUnnamed removes what belongs to the roles that run where the spec names them, and that it does not name.
func (s *scope) removeUnnamed(ctx context.Context, wanted []workload.Role) error {
	named := map[string]bool{}
	for _, r := range wanted {
		named[r.Name] = true
	}
	var errs []error
	for _, role := range append([]string{workload.RoleAdmin}, workload.Processors...) {
		if named[role] {
			continue
		}
		// What makes pods goes first, then what is about them.
		for _, o := range []client.Object{
			&autoscalingv2.HorizontalPodAutoscaler{}, &appsv1.Deployment{}, &policyv1.PodDisruptionBudget{},
			&networkingv1.NetworkPolicy{}, &corev1.Service{}, &corev1.ServiceAccount{},
		} {
			errs = append(errs, s.remove(ctx, o, s.cluster.ChildName(role)))
		}
	}
	return errors.Join(errs...)
}

// detectorLists finds out whether the ConfigMaps with detectors' lists are there. They are the user's and not in the cache.
func (s *scope) detectorLists(ctx context.Context, roles []workload.Role) {
	var wanted []string
	for _, r := range roles {
		if r.Lists != "" {
			wanted = append(wanted, r.Lists)
		}
	}
	if _, ok := s.memo.get(s.cc.UID, "lists", wanted); ok || len(wanted) == 0 {
		return
	}
	for _, name := range wanted {
		found := &metav1.PartialObjectMetadata{}
		found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
		err := s.APIReader.Get(ctx, types.NamespacedName{Namespace: s.cc.Namespace, Name: name}, found)
		if apierrors.IsNotFound(err) {
			s.facts.lists = pending(v1alpha1.ReasonPending, "waits for ConfigMap "+s.cc.Namespace+"/"+name+" with lists; meanwhile the built-in ones count", retrySecret)
			return
		}
		if err != nil {
			s.facts.lists = failed(kubernetes("get ConfigMap "+name, err))
			return
		}
	}
	s.memo.put(s.cc.UID, "lists", wanted, nil, jitter(s.Options.ObserveEvery/5))
}
