package chatcluster

import (
	"context"
	"maps"
	"math/rand/v2"
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
	"k8s.io/client-go/util/workqueue"
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

// CacheOptions keep in the operator's cache only what the operator made: a cluster's other Deployments and pods cost nothing. Of
// Secrets, which users make, it keeps the names.
func CacheOptions() map[client.Object]cache.ByObject {
	ours := labels.SelectorFromSet(labels.Set{workload.LabelManagedBy: workload.ManagedBy})
	slim := cache.TransformStripManagedFields()
	return map[client.Object]cache.ByObject{
		&v1alpha1.ChatCluster{}:         {Transform: slim},
		&appsv1.Deployment{}:            {Label: ours, Transform: slimDeployment},
		&batchv1.Job{}:                  {Label: ours, Transform: slim},
		&corev1.ConfigMap{}:             {Label: ours, Transform: slim},
		&corev1.Service{}:               {Label: ours, Transform: slim},
		&corev1.ServiceAccount{}:        {Label: ours, Transform: slim},
		&policyv1.PodDisruptionBudget{}: {Label: ours, Transform: slim},
		&corev1.Pod{}:                   {Label: ours, Transform: slimPod},
		&corev1.Secret{}:                {Transform: slimSecret},

		&autoscalingv2.HorizontalPodAutoscaler{}: {Label: ours, Transform: slim},
		&networkingv1.NetworkPolicy{}:            {Label: ours, Transform: slim},
		&networkingv1.Ingress{}:                  {Label: ours, Transform: slim},
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
	passes := lanes.New(r, concurrency, r.Options.Patience, func(_ context.Context, req reconcile.Request) string { return req.String() })
	return ctrl.NewControllerManagedBy(mgr).
		Named("chatcluster").
		For(&v1alpha1.ChatCluster{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}), known())).
		Watches(&v1alpha1.ChatCluster{}, newcomers{}).
		Owns(&appsv1.Deployment{}).
		Owns(&batchv1.Job{}).
		Owns(&corev1.ConfigMap{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ServiceAccount{}).
		Owns(&policyv1.PodDisruptionBudget{}).
		Owns(&networkingv1.NetworkPolicy{}).
		Owns(&networkingv1.Ingress{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&autoscalingv2.HorizontalPodAutoscaler{}, builder.WithPredicates(scalingChanged())).
		Watches(&v1alpha1.ChatCluster{}, handler.EnqueueRequestsFromMapFunc(r.claimants), builder.WithPredicates(endedClaims())).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(clusterOfPod), builder.WithPredicates(tellingPods())).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.clustersOfSecret), builder.OnlyMetadata, builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		// A standby has its caches warm: when it leads, it starts at once.
		WithOptions(controller.Options{MaxConcurrentReconciles: passes.Workers(), RateLimiter: rateLimiter(), EnableWarmup: ptr.To(true)}).
		Complete(passes)
}

// scalingChanged lets through changes of what an autoscaler is told. It writes what it measures into its status all the time.
func scalingChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, _ := e.ObjectOld.(*autoscalingv2.HorizontalPodAutoscaler)
		is, ok := e.ObjectNew.(*autoscalingv2.HorizontalPodAutoscaler)
		return !ok || was == nil || !equality.Semantic.DeepEqual(was.Spec, is.Spec) || !maps.Equal(was.Labels, is.Labels)
	}}
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

// jittered spreads retries, so that clusters that failed together do not come back together.
type jittered struct {
	workqueue.TypedRateLimiter[reconcile.Request]
}

// When implements TypedRateLimiter: the inner delay and up to a fifth more.
func (j jittered) When(item reconcile.Request) time.Duration {
	d := j.TypedRateLimiter.When(item)
	return d + rand.N(d/5+1)
}

func rateLimiter() workqueue.TypedRateLimiter[reconcile.Request] {
	return jittered{workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](minRetry, maxRetry)}
}
