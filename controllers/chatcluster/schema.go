package chatcluster

import (
	"context"
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

// retryMigration is how long a failed migration is left for people to read before it is tried again.
const retryMigration = 10 * time.Minute

// schema migrates the database for the wanted image, in a Job, and reports how it goes.
func (s *scope) schema(ctx context.Context) {
	s.facts.schemaInfo = s.cc.Status.Schema
	if err := s.claimed(ctx, claimDatabase); err != nil {
		s.facts.schema = failed(err)
		return
	}
	cluster := s.cluster
	cluster.Image = s.spec.Image
	m, err := cluster.Migration()
	if err != nil {
		s.facts.schema = failed(err)
		return
	}
	job := &batchv1.Job{}
	live, err := s.live(ctx, job, types.NamespacedName{Namespace: s.cc.Namespace, Name: m.Name})
	if err != nil {
		s.facts.schema = failed(kubernetes("get Job "+m.Name, err))
		return
	}
	if live == nil {
		s.facts.schema = s.startMigration(ctx, m)
		if s.facts.schema.err == nil {
			s.facts.schemaInfo = v1alpha1.SchemaStatus{
				Current: s.cc.Status.Schema.Current, Image: s.spec.Image, Job: m.Name, LastError: retainedError(s.cc.Status.Schema, m.Name),
			}
		}
		return
	}
	if err := s.mine(job, "Job "+m.Name); err != nil {
		s.facts.schema = failed(err)
		return
	}
	pods := &corev1.PodList{}
	if err := s.List(ctx, pods, client.InNamespace(s.cc.Namespace), client.MatchingLabels{batchv1.JobNameLabel: m.Name}); err != nil {
		s.facts.schema = failed(kubernetes("list the migration's pods", err))
		return
	}
	s.facts.schemaInfo, s.facts.schema = migrationFacts(job, pods.Items, s.cc.Status.Schema)
	s.facts.schemaInfo.Image = s.spec.Image
	if at, over := finished(job, batchv1.JobFailed); over {
		s.retryFailed(ctx, job, at)
	}
}

// retainedError keeps the last failure in sight while the same migration is started again.
func retainedError(previous v1alpha1.SchemaStatus, job string) string {
	if previous.Job == job {
		return previous.LastError
	}
	return ""
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
	if _, err := s.apply(ctx, &batchv1.Job{}, m.Job); err != nil {
		return failed(err)
	}
	s.event("MigrationStarted", "Migrate", "Started migration Job %s for image %s", m.Name, s.spec.Image)
	return pending(v1alpha1.ReasonMigrating, "migration Job "+m.Name+" was started", 0)
}

// retryFailed deletes a failed Job after a while: the next pass makes it anew.
func (s *scope) retryFailed(ctx context.Context, job *batchv1.Job, failedAt time.Time) {
	if wait := retryMigration - s.memo.now().Sub(failedAt); wait > 0 {
		s.facts.schema.after = wait
		return
	}
	uid := job.UID
	err := s.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		s.facts.schema.err = fault.Transient(v1alpha1.ReasonError, "delete failed migration Job %s: %s", job.Name, err)
		return
	}
	s.facts.schema.after = afterStep
}
