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
	if err := s.reachable(ctx); err != nil {
		return s.unreachable(ctx, err)
	}
	if s.spec.DeletionPolicy != v1alpha1.DeletionDelete {
		return s.release(ctx)
	}
	for _, step := range []func(context.Context) fact{s.stopPods, s.deletePush, s.deleteTopics, s.deleteTables} {
		if f := step(ctx); !f.ready() {
			return f
		}
	}
	s.event("Deleted", "Delete", "Deleted the tables and topics with prefixes %s and %s, and the push application; database %s on %s is left as it is",
		s.spec.DynamoDB.TablePrefix, s.spec.MSK.TopicPrefix, s.spec.Aurora.Database, s.spec.Aurora.Host)
	return fact{}
}

// reachable tells why AWS cannot even be asked: credentials that are gone, or an endpoint that is not allowed.
func (s *scope) reachable(ctx context.Context) error {
	_, dynamoDB := s.awsAccess(ctx, s.spec.AWS.Endpoints.DynamoDB)
	_, pinpoint := s.awsAccess(ctx, s.spec.AWS.Endpoints.Pinpoint)
	return errors.Join(dynamoDB, pinpoint)
}

// unreachable lets go of a ChatCluster when that leaves nothing behind, or when its namespace is going and the credentials
// are already gone: they will not come back, and the namespace must not hang. Otherwise somebody must help.
func (s *scope) unreachable(ctx context.Context, cause error) fact {
	f := secretFact(cause)
	if s.nothingMade() {
		return fact{}
	}
	var missing *missingSecretError
	if !errors.As(cause, &missing) {
		return f
	}
	var namespace corev1.Namespace
	if err := s.APIReader.Get(ctx, types.NamespacedName{Name: s.cc.Namespace}, &namespace); err != nil {
		return failed(kubernetes("get Namespace "+s.cc.Namespace, err))
	}
	if namespace.DeletionTimestamp.IsZero() {
		f.message += "; without it the data on AWS can be neither deleted nor released"
		return f
	}
	s.warning("Abandoned", "Delete", "The namespace is being deleted and the AWS credentials are gone: tables with prefix %s and the push application %s are left with their owner's tags",
		s.spec.DynamoDB.TablePrefix, s.cc.Status.Push.ApplicationID)
	return fact{}
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
	s.event("Retained", "Release", "Left as they are: tables with prefix %s, topics with prefix %s, database %s on %s, push application %s",
		s.spec.DynamoDB.TablePrefix, s.spec.MSK.TopicPrefix, s.spec.Aurora.Database, s.spec.Aurora.Host, app.ID)
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
		if err := dynamodb.Do(ctx, api, w, o, step); err != nil {
			return false, err
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
	admin, err := s.kafka()
	if err != nil {
		return failed(err)
	}
	var names []string
	for _, w := range s.wantedTopics() {
		names = append(names, w.Name)
	}
	gone, err := kafka.Delete(ctx, admin, names)
	if err != nil {
		return failed(err)
	}
	if !gone {
		return pending(v1alpha1.ReasonDeleting, "waits for the topics to go", afterStep)
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
		errs = append(errs, dynamodb.Do(ctx, api, w, o, step))
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
