package chatcluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// deletion undoes what the phases did, in reverse order: pods, push application, topics, tables. It returns the zero fact
// when nothing is left to do. Every pass makes the next steps and returns.
func (s *scope) deletion(ctx context.Context) fact {
	f := s.undo(ctx)
	if f.err == nil && !f.lost {
		return f
	}
	_, why := f.explain()
	if s.cc.Annotations[v1alpha1.AnnotationAbandon] == "true" {
		return s.abandon("the annotation "+v1alpha1.AnnotationAbandon+" says so", why)
	}
	if f.lost {
		var namespace corev1.Namespace
		if err := s.APIReader.Get(ctx, types.NamespacedName{Name: s.cc.Namespace}, &namespace); err != nil {
			return failed(kubernetes("get Namespace "+s.cc.Namespace, err))
		}
		// They will not come back, and the namespace must not hang.
		if !namespace.DeletionTimestamp.IsZero() {
			return s.abandon("the namespace is being deleted", why)
		}
	}
	help := "; to let it go and leave the rest where it is, annotate it with " + v1alpha1.AnnotationAbandon + "=true"
	if f.err != nil {
		return fact{err: explainedError{f.err, why + help}, after: f.after}
	}
	f.message += help
	return f
}

// abandon lets go of what can be neither deleted nor released.
func (s *scope) abandon(because, why string) fact {
	s.warning("Abandoned", "Delete", "Let go, as %s, although %s. What may be left, with its owner's tags: tables with prefix %s, topics with prefix %s, push application %s",
		because, why, s.spec.DynamoDB.TablePrefix, s.spec.MSK.TopicPrefix, s.cc.Status.Push.ApplicationID)
	return fact{}
}

// explainedError says more than the error that it is.
type explainedError struct {
	error
	message string
}

func (e explainedError) Error() string { return e.message }
func (e explainedError) Unwrap() error { return e.error }

// undo makes the next steps.
func (s *scope) undo(ctx context.Context) fact {
	if err := s.reachable(ctx); err != nil {
		if s.nothingMade() {
			return fact{}
		}
		return secretFact(err)
	}
	if s.spec.DeletionPolicy != v1alpha1.DeletionDelete {
		return s.release(ctx)
	}
	for _, step := range []func(context.Context) fact{s.stopPods, s.deletePush, s.deleteTopics, s.deleteTables} {
		// A plan shows all of it, whatever would have to be waited for.
		if f := step(ctx); !f.ready() && (s.plan == nil || f.err != nil) {
			return f
		}
	}
	s.event("Deleted", "Delete", "Deleted the tables and topics with prefixes %s and %s, and the push application; database %s on %s is left as it is",
		s.spec.DynamoDB.TablePrefix, s.spec.MSK.TopicPrefix, s.spec.Aurora.Database, s.spec.Aurora.Host)
	return fact{}
}

// reachable tells why AWS cannot even be asked: credentials that are gone, or an endpoint or a role that is not allowed.
func (s *scope) reachable(ctx context.Context) error {
	_, dynamoDB := s.awsAccess(ctx, s.spec.AWS.Endpoints.DynamoDB)
	_, pinpoint := s.awsAccess(ctx, s.spec.AWS.Endpoints.Pinpoint)
	return errors.Join(dynamoDB, pinpoint)
}

// nothingMade tells whether, as far as the status knows, nothing exists outside Kubernetes that would have to be undone.
func (s *scope) nothingMade() bool {
	st := s.cc.Status
	for _, t := range st.Tables {
		if t.State != dynamodb.Missing {
			return false
		}
	}
	for _, t := range st.Topics {
		if t.Partitions > 0 && s.spec.DeletionPolicy == v1alpha1.DeletionDelete {
			return false
		}
	}
	return st.Push.ApplicationID == ""
}

// release removes what marks tables and push application as this ChatCluster's and leaves everything where it is.
func (s *scope) release(ctx context.Context) fact {
	api, err := s.dynamoDB(ctx)
	if err != nil {
		return secretFact(err)
	}
	var errs []error
	var held []string
	for _, w := range s.wantedTables() {
		released, err := s.releaseTable(ctx, api, w)
		if !released {
			held = append(held, w.Name)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return failed(err)
	}
	// A table that kept its tags could never be taken over: its owner would be somebody who is gone.
	if len(held) > 0 {
		return pending(v1alpha1.ReasonDeleting, "waits for tables that are busy to be released: "+strings.Join(held, ", "), afterStep)
	}
	push, err := s.pinpoint(ctx)
	if err != nil {
		return secretFact(err)
	}
	app, found, err := pinpoint.Observe(ctx, push, s.owner, s.cc.Status.Push.ApplicationID)
	if err == nil && found {
		err = pinpoint.Release(ctx, push, app)
	}
	if err != nil {
		return failed(err)
	}
	s.event("Retained", "Release",
		"Left as they are: tables with prefix %s, topics with prefix %s, database %s on %s, push application %s. To take them over, create a ChatCluster with the same name and prefixes, annotated with %s=%s",
		s.spec.DynamoDB.TablePrefix, s.spec.MSK.TopicPrefix, s.spec.Aurora.Database, s.spec.Aurora.Host, app.ID,
		v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionAdopt)
	return fact{}
}

// releaseTable removes the owner's tags from a table and tells whether they are gone: DynamoDB refuses while it is busy with
// the table.
func (s *scope) releaseTable(ctx context.Context, api dynamodb.API, w dynamodb.Wanted) (released bool, err error) {
	for range 2 {
		o, err := dynamodb.Observe(ctx, api, w.Name, s.spec.AWS.Endpoints.DynamoDB != "")
		if err != nil {
			return false, err
		}
		step := dynamodb.NextRelease(w, o)
		if step == dynamodb.Done {
			return true, nil
		}
		if err := s.step(ctx, api, w, o, step); err != nil {
			return false, err
		}
		if s.plan != nil {
			return true, nil
		}
	}
	return false, nil
}

// stopPods deletes what runs and waits until no pod is left: a pod that still writes would meet tables that go.
func (s *scope) stopPods(ctx context.Context) fact {
	mine := []client.ListOption{client.InNamespace(s.cc.Namespace), client.MatchingLabels{
		workload.LabelInstance: s.cc.Name, workload.LabelManagedBy: workload.ManagedBy,
	}}
	var deployments appsv1.DeploymentList
	if err := s.List(ctx, &deployments, mine...); err != nil {
		return failed(kubernetes("list Deployments", err))
	}
	var jobs batchv1.JobList
	if err := s.List(ctx, &jobs, mine...); err != nil {
		return failed(kubernetes("list Jobs", err))
	}
	var owners []client.Object
	for i := range deployments.Items {
		owners = append(owners, &deployments.Items[i])
	}
	for i := range jobs.Items {
		owners = append(owners, &jobs.Items[i])
	}
	left := 0
	for _, o := range owners {
		if !metav1.IsControlledBy(o, s.cc) {
			continue
		}
		left++
		if !o.GetDeletionTimestamp().IsZero() {
			continue
		}
		if err := s.Delete(ctx, o, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil && !apierrors.IsNotFound(err) {
			return failed(kubernetes("delete "+o.GetName(), err))
		}
	}
	// The cache may not know the youngest yet: ask the API server.
	var pods corev1.PodList
	if err := s.APIReader.List(ctx, &pods, mine...); err != nil {
		return failed(kubernetes("list pods", err))
	}
	if left > 0 || len(pods.Items) > 0 {
		return pending(v1alpha1.ReasonDeleting, fmt.Sprintf("waits for %d pods to stop", len(pods.Items)), afterWait)
	}
	return fact{}
}

func (s *scope) deletePush(ctx context.Context) fact {
	api, err := s.pinpoint(ctx)
	if err != nil {
		return secretFact(err)
	}
	app, found, err := pinpoint.Observe(ctx, api, s.owner, s.cc.Status.Push.ApplicationID)
	if err == nil && found {
		err = pinpoint.Delete(ctx, api, app)
	}
	return failed(err)
}

func (s *scope) deleteTopics(ctx context.Context) fact {
	// A younger ChatCluster with the same prefix never made topics: they are the older one's.
	if err := s.claimed(ctx, claimTopics); err != nil {
		return unlessClaimed(err)
	}
	admin, err := s.kafka(ctx)
	if err != nil {
		return secretFact(err)
	}
	var names []string
	for _, w := range s.wantedTopics() {
		names = append(names, w.Name)
	}
	gone, err := kafka.Delete(ctx, admin, names)
	if err != nil {
		return failed(err)
	}
	if !gone && s.plan == nil {
		return pending(v1alpha1.ReasonDeleting, "waits for the topics to go", afterStep)
	}
	if principals := s.spec.MSK.ACLPrincipals; len(principals) > 0 {
		return failed(kafka.RemoveAccess(ctx, admin, principals, s.spec.MSK.TopicPrefix))
	}
	return fact{}
}

func (s *scope) deleteTables(ctx context.Context) fact {
	replaced := s.spec.AWS.Endpoints.DynamoDB != ""
	if replaced {
		if err := s.claimed(ctx, claimTables); err != nil {
			return unlessClaimed(err)
		}
	}
	api, err := s.dynamoDB(ctx)
	if err != nil {
		return secretFact(err)
	}
	var errs []error
	var left []string
	after := afterWait
	for _, w := range s.wantedTables() {
		o, err := dynamodb.Observe(ctx, api, w.Name, replaced)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		step := dynamodb.NextDelete(w, o)
		if step == dynamodb.Done {
			continue
		}
		left = append(left, w.Name)
		if step != dynamodb.Wait {
			after = afterStep
		}
		errs = append(errs, s.step(ctx, api, w, o, step))
	}
	if err := errors.Join(errs...); err != nil {
		return failed(err)
	}
	if len(left) > 0 {
		return pending(v1alpha1.ReasonDeleting, "waits for tables to go: "+strings.Join(left, ", "), after)
	}
	return fact{}
}

// unlessClaimed: what an older ChatCluster claims is not this one's to delete; that nobody can tell is a failure.
func unlessClaimed(err error) fact {
	if fault.Reason(err) == v1alpha1.ReasonClaimed {
		return fact{}
	}
	return failed(err)
}
