package chatcluster

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/lanes"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// +kubebuilder:rbac:groups=chatcluster.io,resources=chatclusters,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=chatcluster.io,resources=chatclusters/status,verbs=patch
// +kubebuilder:rbac:groups=chatcluster.io,resources=chatclusters/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=serviceaccounts,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies;ingresses,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=httproutes,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=monitoring.coreos.com,resources=podmonitors,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=cert-manager.io,resources=certificates,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Failed passes are repeated after 1 s, 2 s, 4 s, … up to maxRetry.
const (
	minRetry = time.Second
	maxRetry = 5 * time.Minute
)

// GCPercent is by how much, in percent, the heap of a process with such a cache should grow between collections, where GOGC says nothing. Most of
// the heap is the cache, which is there for long: little is to be collected, and the memory that would wait for it stays in use afterwards, in
// pieces, and costs more than collecting more often.
const GCPercent = 20

// CacheOptions keep in the operator's cache only what the operator made: a cluster's other Deployments and pods cost nothing. Of
// Secrets, which users make, it keeps the names.
func CacheOptions() map[client.Object]cache.ByObject {
	ours := labels.SelectorFromSet(labels.Set{workload.LabelManagedBy: workload.ManagedBy})
	return map[client.Object]cache.ByObject{
		&v1alpha1.ChatCluster{}:         {Transform: slimOurs},
		&v1alpha1.ChatTenant{}:          {Transform: slimOurs},
		&appsv1.Deployment{}:            {Label: ours, Transform: pack},
		&batchv1.Job{}:                  {Label: ours, Transform: pack},
		&corev1.ConfigMap{}:             {Label: ours, Transform: pack},
		&corev1.Service{}:               {Label: ours, Transform: pack},
		&corev1.ServiceAccount{}:        {Label: ours, Transform: pack},
		&policyv1.PodDisruptionBudget{}: {Label: ours, Transform: pack},
		&corev1.Pod{}:                   {Label: ours, Transform: slimPod},
		&corev1.Secret{}:                {Transform: slimSecret},

		&autoscalingv2.HorizontalPodAutoscaler{}: {Label: ours, Transform: pack},
		&networkingv1.NetworkPolicy{}:            {Label: ours, Transform: pack},
		&networkingv1.Ingress{}:                  {Label: ours, Transform: pack},
	}
}

// SetupWithManager registers the reconciler. concurrency is how many ChatClusters are reconciled at once, beside those that hang.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, concurrency int) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ChatCluster{}, indexClaims, claimsIndexer); err != nil {
		return err
	}
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ChatCluster{}, indexSecrets, secretsIndexer); err != nil {
		return err
	}
	news := builder.WithPredicates(tellingChildren())
	passes := lanes.New(r, concurrency, r.Options.Patience, func(_ context.Context, req reconcile.Request) string { return req.String() })
	return ctrl.NewControllerManagedBy(mgr).
		Named("chatcluster").
		For(&v1alpha1.ChatCluster{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}), known())).
		Watches(&v1alpha1.ChatCluster{}, newcomers{}).
		Owns(&appsv1.Deployment{}, news).
		Owns(&batchv1.Job{}, news).
		Owns(&corev1.ConfigMap{}, news).
		Owns(&corev1.Service{}, news).
		Owns(&corev1.ServiceAccount{}, news).
		Owns(&policyv1.PodDisruptionBudget{}, news).
		Owns(&networkingv1.NetworkPolicy{}, news).
		Owns(&networkingv1.Ingress{}, news).
		Owns(&autoscalingv2.HorizontalPodAutoscaler{}, news).
		Watches(&v1alpha1.ChatCluster{}, handler.EnqueueRequestsFromMapFunc(r.claimants), builder.WithPredicates(endedClaims())).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(clusterOfPod), builder.WithPredicates(tellingPods())).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.clustersOfSecret), builder.OnlyMetadata, builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		// A standby has its caches warm: when it leads, it starts at once.
		WithOptions(controller.Options{MaxConcurrentReconciles: passes.Workers(), RateLimiter: lanes.Retries(minRetry, maxRetry), EnableWarmup: ptr.To(true)}).
		Complete(passes)
}

// tellingChildren lets through the children that somebody changed or removed, and what they tell of themselves. That the operator has made
// them tells it nothing; nor does what autoscalers and others write into a status all the time.
func tellingChildren() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return told(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !sameContents(e.ObjectOld, e.ObjectNew) || !equality.Semantic.DeepEqual(statusOf(e.ObjectOld), statusOf(e.ObjectNew))
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// statusOf is what of a child's status a pass goes by, nil for nothing.
func statusOf(o client.Object) any {
	switch c := o.(type) {
	case *appsv1.Deployment:
		return c.Status
	case *batchv1.Job:
		return c.Status
	case *corev1.Service:
		return c.Status
	}
	return nil
}

// told tells whether a child that came into the cache has something in its status already: then it was not made just now.
func told(o client.Object) bool {
	switch c := o.(type) {
	case *appsv1.Deployment:
		return c.Status.ObservedGeneration > 0
	case *batchv1.Job:
		return c.Status.StartTime != nil || len(c.Status.Conditions) > 0
	case *corev1.Service:
		return len(c.Status.LoadBalancer.Ingress) > 0
	}
	return false
}

// tellingPods lets through what pods tell: how migrations get on, and that a pod gets into trouble or out of it. A role's
// pods that come and go as they should cause no pass of their own: their Deployment tells.
func tellingPods() predicate.Predicate {
	trouble := func(o client.Object) string {
		if pod, ok := o.(*corev1.Pod); ok {
			return podTrouble(pod)
		}
		return ""
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return migrates(e.Object) || trouble(e.Object) != "" },
		DeleteFunc: func(e event.DeleteEvent) bool { return migrates(e.Object) || trouble(e.Object) != "" },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return migrates(e.ObjectNew) || trouble(e.ObjectOld) != trouble(e.ObjectNew)
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// clusterOfPod finds the ChatCluster of a pod, which the pod does not name as its owner.
func clusterOfPod(_ context.Context, pod client.Object) []reconcile.Request {
	name := pod.GetLabels()[workload.LabelInstance]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.GetNamespace(), Name: name}}}
}

// slimOurs is what the cache keeps of a ChatCluster or ChatTenant: who wrote which field, and annotations that are not ours, are left out. So others'
// annotations, what kubectl applied last among them, cause no pass either.
func slimOurs(o any) (any, error) {
	ours, ok := o.(client.Object)
	if !ok {
		return o, nil
	}
	ours.SetManagedFields(nil)
	annotations := ours.GetAnnotations()
	maps.DeleteFunc(annotations, func(name, _ string) bool { return !strings.HasPrefix(name, annotationPrefix) })
	if len(annotations) == 0 {
		annotations = nil // an empty map takes as much as one that is not
	}
	ours.SetAnnotations(annotations)
	ours.SetFinalizers(slices.Clone(ours.GetFinalizers()))
	share(ours)
	switch ours := o.(type) {
	case *v1alpha1.ChatCluster:
		tidy(reflect.ValueOf(&ours.Spec).Elem())
		tidy(reflect.ValueOf(&ours.Status).Elem())
	case *v1alpha1.ChatTenant:
		tidy(reflect.ValueOf(&ours.Spec).Elem())
		tidy(reflect.ValueOf(&ours.Status).Elem())
	}
	return o, nil
}

// annotationPrefix begins the names of all annotations that the operator reads.
const annotationPrefix = "chatcluster.io/"
