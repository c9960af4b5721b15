package chattenant

import (
	"context"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/lanes"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// +kubebuilder:rbac:groups=chatcluster.io,resources=chattenants,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=chatcluster.io,resources=chattenants/status,verbs=patch
// +kubebuilder:rbac:groups=chatcluster.io,resources=chattenants/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch

// indexSecrets is the field index of the Secrets that a ChatTenant names, in its own namespace.
const indexSecrets = "secrets"

// indexCluster is the field index of the ChatCluster that a ChatTenant names.
const indexCluster = "cluster"

// Failed passes are repeated after 1 s, 2 s, 4 s, … up to maxRetry.
const (
	minRetry = time.Second
	maxRetry = 5 * time.Minute
)

// SetupWithManager registers the reconciler. concurrency is how many ChatTenants are reconciled at once, beside those whose
// ChatCluster's tables hang.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, concurrency int) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ChatTenant{}, indexCluster, clusterIndexer); err != nil {
		return err
	}
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ChatTenant{}, indexSecrets, secretsIndexer); err != nil {
		return err
	}
	passes := lanes.New(r, concurrency, 0, r.clusterOf)
	return ctrl.NewControllerManagedBy(mgr).
		Named("chattenant").
		For(&v1alpha1.ChatTenant{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&v1alpha1.ChatCluster{}, handler.EnqueueRequestsFromMapFunc(r.tenantsOfCluster), builder.WithPredicates(tellingClusters())).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.tenantsOfNamespace), builder.OnlyMetadata, builder.WithPredicates(tellingNamespaces())).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.tenantsOfSecret), builder.OnlyMetadata, builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(tenantOfPurge)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: passes.Workers(),
			RateLimiter:             lanes.Retries(minRetry, maxRetry),
			// A standby has its caches warm: when it leads, it starts at once.
			EnableWarmup: ptr.To(true),
		}).
		Complete(passes)
}

// clusterOf names the ChatCluster that a request's ChatTenant is for: its tenants are slow together.
func (r *Reconciler) clusterOf(ctx context.Context, req reconcile.Request) string {
	ct := &v1alpha1.ChatTenant{}
	if err := r.Get(ctx, req.NamespacedName, ct); err != nil {
		return req.String() // the pass itself finds out
	}
	return clusterKey(ct).String()
}

func clusterIndexer(o client.Object) []string {
	if ct, ok := o.(*v1alpha1.ChatTenant); ok {
		return []string{clusterKey(ct).String()}
	}
	return nil
}

// tenantsOfCluster are the ChatTenants that name a ChatCluster.
func (r *Reconciler) tenantsOfCluster(ctx context.Context, o client.Object) []reconcile.Request {
	return r.tenants(ctx, client.MatchingFields{indexCluster: client.ObjectKeyFromObject(o).String()})
}

func secretsIndexer(o client.Object) []string {
	ct, ok := o.(*v1alpha1.ChatTenant)
	if !ok || ct.Spec.Push == nil {
		return nil
	}
	names := pinpoint.SecretNames(ct.Spec.Push.Channels)
	slices.Sort(names)
	return slices.Compact(names)
}

// tenantsOfSecret are the ChatTenants that push with what is in a Secret.
func (r *Reconciler) tenantsOfSecret(ctx context.Context, o client.Object) []reconcile.Request {
	return r.tenants(ctx, client.InNamespace(o.GetNamespace()), client.MatchingFields{indexSecrets: o.GetName()})
}

// tenantsOfNamespace are the ChatTenants in a namespace.
func (r *Reconciler) tenantsOfNamespace(ctx context.Context, o client.Object) []reconcile.Request {
	return r.tenants(ctx, client.InNamespace(o.GetName()))
}

func (r *Reconciler) tenants(ctx context.Context, which ...client.ListOption) []reconcile.Request {
	var list v1alpha1.ChatTenantList
	if err := r.List(ctx, &list, which...); err != nil {
		// They look again by themselves, later.
		log.FromContext(ctx).Error(err, "list ChatTenants")
		return nil
	}
	requests := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		requests[i].NamespacedName = client.ObjectKeyFromObject(&list.Items[i])
	}
	return requests
}

// tenantOfPurge is the ChatTenant whose data a Job deletes.
func tenantOfPurge(_ context.Context, o client.Object) []reconcile.Request {
	if o.GetLabels()[workload.LabelComponent] != workload.ComponentPurge {
		return nil
	}
	namespace, name, ok := strings.Cut(o.GetAnnotations()[workload.AnnotationTenant], "/")
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}}
}

// concern is what of a ChatCluster matters to its tenants.
type concern struct {
	Spec     v1alpha1.ChatClusterSpec
	Released string
	Deleting bool
	Tables   bool
}

func concernOf(o client.Object) concern {
	cc, ok := o.(*v1alpha1.ChatCluster)
	if !ok {
		return concern{}
	}
	return concern{
		Spec: v1alpha1.ChatClusterSpec{
			Tenants: cc.Spec.Tenants, Auth: cc.Spec.Auth, AWS: cc.Spec.AWS, DynamoDB: v1alpha1.DynamoDBSpec{TablePrefix: cc.Spec.DynamoDB.TablePrefix},
			Paused: cc.Spec.Paused,
		},
		Released: cc.Annotations[v1alpha1.AnnotationReleaseTenants],
		Deleting: !cc.DeletionTimestamp.IsZero(),
		Tables:   meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionTablesReady),
	}
}

// tellingClusters lets through what changes something for tenants: there may be thousands of them.
func tellingClusters() predicate.Predicate {
	return predicate.Funcs{
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !equality.Semantic.DeepEqual(concernOf(e.ObjectOld), concernOf(e.ObjectNew))
		},
	}
}

// tellingNamespaces lets through changed labels. At the start, and when a namespace goes, tenants look by themselves.
func tellingNamespaces() predicate.Predicate {
	return predicate.And(predicate.LabelChangedPredicate{}, predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	})
}
