package chatcluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

const (
	// passDeadline bounds one pass: no service that hangs may hold a worker for longer.
	passDeadline = 90 * time.Second
	// phaseDeadline bounds one phase, so that what comes after it still has its turn.
	phaseDeadline = 20 * time.Second
	// retryTerminal is how soon, at the earliest, what needs a person is looked at again.
	retryTerminal = 5 * time.Minute
	// retryDenied is the same where access was denied: who mends a Secret or a permission waits for it to take effect.
	retryDenied = 30 * time.Second
	// soon is up to when a phase that wants to look again is also soon enough for another one that failed.
	soon = 30 * time.Second
	// catchUp is how long the cache may take to know what was written.
	catchUp = 100 * time.Millisecond
	// maxNote bounds an event's text, in bytes: the API server refuses a longer one.
	maxNote = 1024
)

// Options are the operator's configuration.
type Options struct {
	// Operator names this installation in the owner's tags.
	Operator string
	// AllowAWSEndpoints lets ChatClusters replace the endpoints of AWS.
	AllowAWSEndpoints bool
	// AssumableRoles are what each namespace's ChatClusters may set as aws.assumeRoleARN.
	AssumableRoles Roles
	// AllowInsecureIssuers lets ChatClusters, and ChatTenants, fetch keys over plain HTTP and from any address.
	AllowInsecureIssuers bool
	// AllowPrivateIssuers lets ChatTenants fetch keys from addresses that are not public.
	AllowPrivateIssuers bool
	// ObserveEvery is for how long, at least, what was found as wanted outside Kubernetes is not looked at again; at most
	// twice that. 0 looks at every pass.
	ObserveEvery time.Duration
	// ReportEvery is for how long, at most, a ChatCluster waits for others before its status tells of progress; what it waits for
	// its turn does not count. What somebody has to know is told at once: that a new generation is observed, what becomes Ready or
	// ceases to be, troubles. 0 tells everything at once.
	ReportEvery time.Duration
	// Patience is how long a pass may keep its place from others; lanes.DefaultPatience when 0.
	Patience time.Duration
}

// Reconciler reconciles ChatClusters. Make it with New.
type Reconciler struct {
	client.Client
	// APIReader reads past the cache: Secrets, and what may exist without the operator's labels.
	APIReader client.Reader
	Recorder  events.EventRecorder
	External  External
	Options   Options

	memo    *memo
	seen    *seen
	reports *reports
}

// New returns a Reconciler.
func New(c client.Client, reader client.Reader, recorder events.EventRecorder, external External, options Options) *Reconciler {
	return &Reconciler{Client: c, APIReader: reader, Recorder: recorder, External: external, Options: options, memo: newMemo(), seen: newSeen(), reports: newReports()}
}

// scope is one pass over one ChatCluster.
type scope struct {
	*Reconciler
	cc      *v1alpha1.ChatCluster
	spec    v1alpha1.ChatClusterSpec
	cluster workload.Cluster
	owner   ownership.Owner
	facts   facts
	// rolling are the roles that this pass began to roll out, and with which image.
	rolling []string
	// wrote is true once a child was written.
	wrote bool
	// plan is not nil while nothing may be changed.
	plan *plan
}

func (r *Reconciler) scope(cc *v1alpha1.ChatCluster) *scope {
	spec := effective(cc)
	return &scope{
		Reconciler: r,
		cc:         cc,
		spec:       spec,
		cluster: workload.Cluster{
			Namespace: cc.Namespace, Name: cc.Name, UID: cc.UID, Spec: spec, Image: spec.Image, ApplicationID: cc.Status.Push.ApplicationID,
			TenantAuth: r.Options.tenantAuth(),
			ExternalID: r.externalID(cc.Namespace),
		},
		owner: ownership.Owner{Operator: r.Options.Operator, Namespace: cc.Namespace, Name: cc.Name, UID: string(cc.UID)},
	}
}

// Reconcile makes one pass.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, passDeadline)
	defer cancel()

	cc := &v1alpha1.ChatCluster{}
	if err := r.Get(ctx, req.NamespacedName, cc); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !cc.DeletionTimestamp.IsZero() && !controllerutil.ContainsFinalizer(cc, v1alpha1.Finalizer) {
		r.memo.forget(cc.UID)
		r.seen.forget(cc.UID)
		r.reports.forget(cc.UID)
		return ctrl.Result{}, nil
	}
	if r.reports.stale(cc.UID, cc.ResourceVersion) {
		return ctrl.Result{RequeueAfter: catchUp, Priority: ptr.To(begun)}, nil
	}
	if cc.DeletionTimestamp.IsZero() && !planned(cc) && !controllerutil.ContainsFinalizer(cc, v1alpha1.Finalizer) {
		if err := r.patchFinalizer(ctx, cc, controllerutil.AddFinalizer); err != nil {
			return requeueOnConflict(err)
		}
	}

	before := cc.DeepCopy()
	r.reports.recall(cc)
	s := r.scope(cc)
	defer func() {
		result.Priority = ptr.To(begun)
		if after, held := r.reports.hold(before, cc, pass{wrote: s.wrote, asked: result.RequeueAfter}, r.Options.ReportEvery); held {
			if err == nil {
				result.RequeueAfter = after
			}
			return
		}
		r.reports.drop(cc.UID)
		patchErr := r.patchStatus(ctx, before, cc)
		if apierrors.IsConflict(patchErr) {
			// Somebody changed the object meanwhile: the pass that this causes sees it.
			result, err, patchErr = ctrl.Result{RequeueAfter: afterStep, Priority: ptr.To(begun)}, nil, nil
		}
		err = errors.Join(err, client.IgnoreNotFound(patchErr))
	}()

	switch {
	case planned(cc):
		return r.makePlan(ctx, cc), nil
	case cc.Spec.Paused:
		setPaused(cc)
		return ctrl.Result{}, nil
	case !cc.DeletionTimestamp.IsZero():
		return s.finalize(ctx)
	}
	r.memo.obey(cc.UID, cc.Annotations[v1alpha1.AnnotationReconcile])
	for _, phase := range s.phases() {
		s.run(ctx, phase)
	}
	setStatus(cc, &s.facts)
	s.announce(before)
	return s.outcome()
}

func (s *scope) phases() []func(context.Context) {
	return []func(context.Context){
		s.policy, s.secrets, s.network, s.certificates, s.tables, s.topics, s.schema, s.push, s.cache, s.workloads, s.contract,
	}
}

func (s *scope) run(ctx context.Context, phase func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, phaseDeadline)
	defer cancel()
	phase(ctx)
}

// outcome says when to look again: soon after what may pass, with a growing delay; slowly after what needs a person; and
// now and then even when all is well, because nobody tells of a table that was changed by hand.
func (s *scope) outcome() (ctrl.Result, error) {
	err, after := s.facts.err(), s.facts.soonest()
	switch {
	case fault.HasTransient(err) && (after == 0 || after > soon):
		return ctrl.Result{}, err
	case after > 0:
		return ctrl.Result{RequeueAfter: after}, nil
	case err != nil:
		return ctrl.Result{RequeueAfter: s.facts.retryTerminal()}, nil //nolint:nilerr // It stands in the status; the queue's own retries would be too many.
	case s.Options.ObserveEvery > 0:
		return ctrl.Result{RequeueAfter: jitter(s.Options.ObserveEvery / 5)}, nil
	}
	return ctrl.Result{}, nil
}

func (s *scope) finalize(ctx context.Context) (ctrl.Result, error) {
	s.memo.forget(s.cc.UID)
	f := s.deletion(ctx)
	if !f.ready() {
		setDeleting(s.cc, f)
		switch {
		case f.after > 0:
			return ctrl.Result{RequeueAfter: f.after}, nil
		case fault.IsTerminal(f.err):
			return ctrl.Result{RequeueAfter: f.retryTerminal()}, nil
		}
		return ctrl.Result{}, f.err
	}
	err := client.IgnoreNotFound(s.patchFinalizer(ctx, s.cc, controllerutil.RemoveFinalizer))
	if err == nil {
		s.seen.forget(s.cc.UID)
		s.reports.forget(s.cc.UID)
	}
	return requeueOnConflict(err)
}

// patchFinalizer writes cc's finalizers and nothing else.
func (r *Reconciler) patchFinalizer(ctx context.Context, cc *v1alpha1.ChatCluster, change func(client.Object, string) bool) error {
	base := cc.DeepCopy()
	change(cc, v1alpha1.Finalizer)
	err := r.Patch(ctx, cc, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}), FieldOwner)
	if err == nil {
		r.reports.wrote(cc.UID, base.ResourceVersion, cc.ResourceVersion)
	}
	return err
}

// sooner is the earlier of two delays, of which zero is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// patchStatus writes the status when it changed.
func (r *Reconciler) patchStatus(ctx context.Context, before, cc *v1alpha1.ChatCluster) error {
	if equality.Semantic.DeepEqual(before.Status, cc.Status) || len(cc.Finalizers) == 0 && !cc.DeletionTimestamp.IsZero() {
		return nil
	}
	// The manager is stopping, and what the pass was asking failed for that: it says nothing about the ChatCluster.
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return nil
	}
	// A pass that ran into its deadline still reports what it found.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := r.Status().Patch(ctx, cc, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), FieldOwner)
	if err == nil {
		r.reports.wrote(cc.UID, before.ResourceVersion, cc.ResourceVersion)
	}
	return err
}

func requeueOnConflict(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: afterStep}, nil
	}
	return ctrl.Result{}, err
}

// announce tells users of what changed for them.
func (s *scope) announce(before *v1alpha1.ChatCluster) {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionStalled)
	if is := meta.FindStatusCondition(s.cc.Status.Conditions, v1alpha1.ConditionStalled); is != nil && (was == nil || was.Message != is.Message) {
		s.warning(is.Reason, "Reconcile", "%s", is.Message)
	}
	if !meta.IsStatusConditionTrue(before.Status.Conditions, v1alpha1.ConditionReady) && meta.IsStatusConditionTrue(s.cc.Status.Conditions, v1alpha1.ConditionReady) {
		s.event("Ready", "Reconcile", "Serving image %s", s.cc.Status.Image)
	}
}

func (s *scope) event(reason, action, note string, args ...any) {
	s.emit(corev1.EventTypeNormal, reason, action, note, args...)
}

func (s *scope) warning(reason, action, note string, args ...any) {
	s.emit(corev1.EventTypeWarning, reason, action, note, args...)
}

func (s *scope) emit(kind, reason, action, note string, args ...any) {
	s.Recorder.Eventf(s.cc, nil, kind, reason, action, "%s", shorten(fmt.Sprintf(note, args...), maxNote))
}
