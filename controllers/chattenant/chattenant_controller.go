package chattenant

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// FieldOwner owns the fields that this controller writes.
const FieldOwner = client.FieldOwner("chatcluster-operator-tenants")

const (
	// passDeadline bounds one pass.
	passDeadline = 30 * time.Second
	// retryTerminal is how soon, at the earliest, what needs a person is looked at again.
	retryTerminal = 5 * time.Minute
	// afterStep is when to look again after a step.
	afterStep = time.Second
	// pollFactor is how many times as seldom as a cluster's tables a tenant's record is looked at: there are many more.
	pollFactor = 6
	// maxNote bounds an event's text, in bytes.
	maxNote = 1024
)

// Clusters is how ChatClusters are reached: the ChatClusters' reconciler knows.
type Clusters interface {
	// Tenants are the records in a cluster's tenants table.
	Tenants(ctx context.Context, cc *v1alpha1.ChatCluster) (store.Tenants, error)
	// Push is how a cluster reaches the push service.
	Push(ctx context.Context, cc *v1alpha1.ChatCluster) (pinpoint.Account, error)
	// Workload is what builders need of a cluster.
	Workload(cc *v1alpha1.ChatCluster) workload.Cluster
}

// Options are the operator's configuration.
type Options struct {
	// AllowInsecureIssuers lets keys be fetched over plain HTTP.
	AllowInsecureIssuers bool
	// ObserveEvery is the ChatClusters'. A record is looked at again after six to twelve times that; 0: only when something happens.
	ObserveEvery time.Duration
}

// Reconciler reconciles ChatTenants. Make it with New.
type Reconciler struct {
	client.Client
	// APIReader reads past the cache: who may hold a claim, and what is in namespaces that are not watched.
	APIReader client.Reader
	Recorder  events.EventRecorder
	Clusters  Clusters
	Options   Options
}

// New returns a Reconciler.
func New(c client.Client, reader client.Reader, recorder events.EventRecorder, clusters Clusters, options Options) *Reconciler {
	return &Reconciler{Client: c, APIReader: reader, Recorder: recorder, Clusters: clusters, Options: options}
}

// scope is one pass over one ChatTenant.
type scope struct {
	*Reconciler
	ct *v1alpha1.ChatTenant
	cc *v1alpha1.ChatCluster // nil until it is found
	id store.Tenant
}

func (r *Reconciler) scope(ct *v1alpha1.ChatTenant) *scope {
	return &scope{Reconciler: r, ct: ct, id: tenantID(ct)}
}

// Reconcile makes one pass.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, passDeadline)
	defer cancel()
	ct := &v1alpha1.ChatTenant{}
	if err := r.Get(ctx, req.NamespacedName, ct); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	held := controllerutil.ContainsFinalizer(ct, v1alpha1.Finalizer)
	if !held && !ct.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	if !held {
		if err := r.patchFinalizer(ctx, ct, controllerutil.AddFinalizer); err != nil {
			return requeueOnConflict(err)
		}
	}
	before := ct.DeepCopy()
	defer func() {
		patchErr := r.patchStatus(ctx, before, ct)
		if apierrors.IsConflict(patchErr) {
			// Somebody changed the object meanwhile: the pass that this causes sees it.
			result, err, patchErr = ctrl.Result{RequeueAfter: afterStep}, nil, nil
		}
		err = errors.Join(err, client.IgnoreNotFound(patchErr))
	}()
	s := r.scope(ct)
	if ct.DeletionTimestamp.IsZero() {
		f := s.provision(ctx)
		setStatus(ct, f)
		s.announce(before)
		return s.outcome(f.worst())
	}
	f := s.finalize(ctx)
	if !f.ready() {
		setDeleting(ct, f)
		s.announce(before)
		return s.outcome(f)
	}
	return requeueOnConflict(client.IgnoreNotFound(r.patchFinalizer(ctx, ct, controllerutil.RemoveFinalizer)))
}

// outcome says when to look again.
func (s *scope) outcome(f finding) (ctrl.Result, error) {
	switch {
	case fault.IsTerminal(f.err):
		return ctrl.Result{RequeueAfter: jitter(retryTerminal)}, nil
	case f.after > 0:
		return ctrl.Result{RequeueAfter: f.after}, nil
	case f.err != nil:
		return ctrl.Result{}, f.err
	}
	return ctrl.Result{RequeueAfter: jitter(pollFactor * s.Options.ObserveEvery)}, nil
}

// jitter spreads d over d to 2d, so that what began together does not stay together.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d + rand.N(d)
}

// findCluster fetches the ChatCluster that the tenant names; s.cc stays nil when there is none.
func (s *scope) findCluster(ctx context.Context) error {
	cc := &v1alpha1.ChatCluster{}
	err := s.Get(ctx, clusterKey(s.ct), cc)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get ChatCluster %s: %w", clusterKey(s.ct), err)
	}
	s.cc = cc
	return nil
}

// clusterKey names the tenant's cluster.
func clusterKey(ct *v1alpha1.ChatTenant) types.NamespacedName {
	key := types.NamespacedName{Namespace: ct.Spec.ClusterRef.Namespace, Name: ct.Spec.ClusterRef.Name}
	if key.Namespace == "" {
		key.Namespace = ct.Namespace
	}
	return key
}

// tenantID is the tenant's id. One that is made of namespace and name has a dot, which a chosen one has not: nobody can take it.
func tenantID(ct *v1alpha1.ChatTenant) store.Tenant {
	if ct.Spec.ID != "" {
		return store.Tenant(ct.Spec.ID)
	}
	return store.Tenant(ct.Namespace + "." + ct.Name)
}

// patchFinalizer writes the finalizers and nothing else.
func (r *Reconciler) patchFinalizer(ctx context.Context, ct *v1alpha1.ChatTenant, change func(client.Object, string) bool) error {
	base := ct.DeepCopy()
	change(ct, v1alpha1.Finalizer)
	return r.Patch(ctx, ct, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}), FieldOwner)
}

// patchStatus writes the status when it changed.
func (r *Reconciler) patchStatus(ctx context.Context, before, ct *v1alpha1.ChatTenant) error {
	if equality.Semantic.DeepEqual(before.Status, ct.Status) || len(ct.Finalizers) == 0 && !ct.DeletionTimestamp.IsZero() {
		return nil
	}
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return nil // the manager is stopping: what failed for that says nothing about the tenant
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return r.Status().Patch(ctx, ct, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), FieldOwner)
}

func requeueOnConflict(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: afterStep}, nil
	}
	return ctrl.Result{}, err
}

func (s *scope) event(reason, action, note string, args ...any) {
	s.emit(s.ct, corev1.EventTypeNormal, reason, action, note, args...)
}

func (s *scope) warning(reason, action, note string, args ...any) {
	s.emit(s.ct, corev1.EventTypeWarning, reason, action, note, args...)
}

func (s *scope) emit(about client.Object, kind, reason, action, note string, args ...any) {
	text := fmt.Sprintf(note, args...)
	s.Recorder.Eventf(about, nil, kind, reason, action, "%s", text[:min(len(text), maxNote)])
}
