package chatcluster

import (
	"context"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

const (
	// firstRetry is how long a failed migration is left before it is tried again; each time twice as long, up to maxRetryMigration.
	firstRetry        = 30 * time.Second
	maxRetryMigration = 10 * time.Minute
)

// retryMigration is how long to wait after so many failures before this one.
func retryMigration(failures int) time.Duration {
	return min(firstRetry<<min(failures, 16), maxRetryMigration)
}

// schema migrates the database for the wanted image, in a Job, and reports how it goes. Where a person must approve, a Job
// that changes nothing first tells what there is to approve.
func (s *scope) schema(ctx context.Context) {
	s.facts.schemaInfo = s.cc.Status.Schema
	if s.facts.schemaInfo.Image != s.spec.Image {
		s.facts.schemaInfo.Pending, s.facts.schemaInfo.LastError = nil, ""
	}
	if err := s.claimed(ctx, claimDatabase); err != nil {
		s.facts.schema = failed(err)
		return
	}
	if s.approvalNeeded() {
		done, f := s.migrate(ctx, workload.StepPreview)
		if !done {
			s.facts.schema = f
			return
		}
		if pending := s.facts.schemaInfo.Pending; len(pending) > 0 {
			s.facts.schema = failed(fault.Terminal(v1alpha1.ReasonApprovalNeeded,
				"image %s brings migrations that wait for approval: %s. To approve them, annotate the ChatCluster with %s=%s",
				s.spec.Image, strings.Join(pending, ", "), v1alpha1.AnnotationApproveMigration, s.spec.Image))
			return
		}
	}
	_, s.facts.schema = s.migrate(ctx, workload.StepExpand)
}

func (s *scope) approvalNeeded() bool {
	return s.spec.Aurora.Migrations.Approval == v1alpha1.ApprovalManual && s.cc.Annotations[v1alpha1.AnnotationApproveMigration] != s.spec.Image
}

// contract removes from the schema what no image needs any more, once the wanted one has rolled out. That this is still to
// be done holds nobody back.
func (s *scope) contract(ctx context.Context) {
	rolledOut := s.facts.servingImage == s.spec.Image && s.facts.base.ready() && s.facts.schema.ready()
	for _, f := range s.facts.roles {
		rolledOut = rolledOut && f.ready()
	}
	if rolledOut && len(s.facts.contractions) > 0 {
		_, s.facts.schema = s.migrate(ctx, workload.StepContract)
	}
}

// migrate starts a step of the migration, or reads how it goes. done tells that it has succeeded.
func (s *scope) migrate(ctx context.Context, step workload.MigrationStep) (done bool, f fact) {
	cluster := s.cluster
	cluster.Image = s.spec.Image
	name, err := cluster.MigrationName(step)
	if err != nil {
		return false, failed(err)
	}
	job := &batchv1.Job{}
	live, err := s.live(ctx, job, types.NamespacedName{Namespace: s.cc.Namespace, Name: name})
	if err != nil {
		return false, failed(kubernetes("get Job "+name, err))
	}
	if live == nil {
		m, err := cluster.Migration(step)
		if err != nil {
			return false, failed(fault.Terminal(v1alpha1.ReasonInvalid, "jobs: %s", err))
		}
		f := s.startMigration(ctx, m)
		if f.err == nil {
			s.facts.schemaInfo.Image, s.facts.schemaInfo.Job = s.spec.Image, m.Name
		}
		return false, f
	}
	if err := s.mine(job, "Job "+name); err != nil {
		return false, failed(err)
	}
	pods := &corev1.PodList{}
	if err := s.List(ctx, pods, client.InNamespace(s.cc.Namespace), client.MatchingLabels{batchv1.JobNameLabel: name}); err != nil {
		return false, failed(kubernetes("list the migration's pods", err))
	}
	s.facts.schemaInfo.Image = s.spec.Image
	var contractions []string
	s.facts.schemaInfo, contractions, f = migrationFacts(job, pods.Items, s.facts.schemaInfo, retryMigration(s.failures(name)))
	if step == workload.StepExpand {
		s.facts.contractions = contractions
	}
	if at, over := finished(job, batchv1.JobFailed); over {
		f = s.retryFailed(ctx, job, at, f)
	}
	return f.ready(), f
}

// startMigration creates the Job and what it needs. The Secrets must be there, or the pod would hang without a word.
func (s *scope) startMigration(ctx context.Context, m workload.Migration) fact {
	if !s.facts.secrets.ready() {
		f := s.facts.secrets
		f.after = 0
		return f
	}
	if _, err := s.apply(ctx, &corev1.ServiceAccount{}, s.cluster.ServiceAccount(workload.ComponentMigrate)); err != nil {
		return failed(err)
	}
	key := types.NamespacedName{Namespace: s.cc.Namespace, Name: m.Name}
	configMap := &corev1.ConfigMap{}
	live, err := s.live(ctx, configMap, key)
	if err != nil {
		return failed(kubernetes("get ConfigMap "+m.Name, err))
	}
	// The ConfigMap of an earlier attempt never changes: it stays.
	if live == nil {
		_, err = s.apply(ctx, configMap, m.ConfigMap)
	} else {
		err = s.mine(configMap, "ConfigMap "+m.Name)
	}
	if err != nil {
		return failed(err)
	}
	done, err := s.apply(ctx, &batchv1.Job{}, m.Job)
	if err != nil {
		return failed(err)
	}
	if !done.changed {
		return pending(v1alpha1.ReasonMigrating, "migration Job "+m.Name+" runs", afterStep)
	}
	s.event("MigrationStarted", "Migrate", "Started migration Job %s for image %s", m.Name, s.spec.Image)
	return pending(v1alpha1.ReasonMigrating, "migration Job "+m.Name+" was started", 0)
}

// retryFailed deletes a failed Job after a while: the next pass makes it anew.
func (s *scope) retryFailed(ctx context.Context, job *batchv1.Job, failedAt time.Time, f fact) fact {
	failures := s.failures(job.Name)
	if wait := retryMigration(failures) - s.memo.now().Sub(failedAt); wait > 0 {
		f.after = wait
		return f
	}
	uid := job.UID
	err := s.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		f.err = fault.Transient(v1alpha1.ReasonError, "delete failed migration Job %s: %s", job.Name, err)
		return f
	}
	s.memo.put(s.cc.UID, failuresKey(job.Name), nil, failures+1, rememberRequest)
	f.after = afterStep
	return f
}

// failures is how often a Job of this name has failed before the one that is there. After a restart of the operator it is
// tried sooner again.
func (s *scope) failures(job string) int {
	if found, ok := s.memo.get(s.cc.UID, failuresKey(job), nil); ok {
		return found.(int)
	}
	return 0
}

func failuresKey(job string) string { return "failures of " + job }
