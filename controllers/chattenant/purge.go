package chattenant

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// lookEvery is how often the progress of a purge is looked at.
	lookEvery = 10 * time.Second
	// retryPurge is how long a failed purge is left for people to read before it is tried again.
	retryPurge = 10 * time.Minute
	// maxError bounds what is kept of a purge's error, in bytes.
	maxError = 1024
)

// purge has the tenant's data deleted by a Job, and then gives the claims back.
func (s *scope) purge(ctx context.Context, records store.Tenants, r store.TenantRecord) finding {
	if r.State != store.TenantDeleting {
		r.State = store.TenantDeleting
		if f := s.put(ctx, records, r); !f.ready() {
			return f
		}
		s.event("Purging", "Delete", "Deleting the data of tenant %s in ChatCluster %s", s.id, clusterKey(s.ct))
		return pending(v1alpha1.ReasonPurging, "the tenant is closed", afterStep)
	}
	p, err := s.Clusters.Workload(s.cc).Purge(string(s.id), s.ct.UID, client.ObjectKeyFromObject(s.ct))
	if err != nil {
		return failed(err)
	}
	job := &batchv1.Job{}
	err = s.Get(ctx, types.NamespacedName{Namespace: s.cc.Namespace, Name: p.Name}, job)
	if apierrors.IsNotFound(err) {
		return s.startPurge(ctx, p)
	}
	if err != nil {
		return failed(fmt.Errorf("get Job %s: %w", p.Name, err))
	}
	if job.Labels[workload.LabelTenant] != string(s.ct.UID) {
		return failed(fault.Terminal(v1alpha1.ReasonNotOwned, "Job %s/%s exists and is not this tenant's: delete it", s.cc.Namespace, p.Name))
	}
	s.ct.Status.Purge = purgeStatus(p.Name, r.Purge)
	for _, c := range job.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case batchv1.JobComplete:
			return s.endPurge(ctx, records, r, job)
		case batchv1.JobFailed:
			return s.purgeFailed(ctx, job, c)
		}
	}
	message := fmt.Sprintf("Job %s/%s: %s", s.cc.Namespace, p.Name, describe(r.Purge))
	return pending(v1alpha1.ReasonPurging, message, lookEvery)
}

// startPurge makes what the Job needs, and the Job. It is repeatable.
func (s *scope) startPurge(ctx context.Context, p workload.Purge) finding {
	account := s.Clusters.Workload(s.cc).ServiceAccount(workload.ComponentPurge)
	for _, config := range []runtime.ApplyConfiguration{account, p.ConfigMap, p.Job} {
		if err := s.Client.Apply(ctx, config, FieldOwner, client.ForceOwnership); err != nil {
			return failed(fmt.Errorf("start the purge: %w", err))
		}
	}
	return pending(v1alpha1.ReasonPurging, "Job "+s.cc.Namespace+"/"+p.Name+" was started", lookEvery)
}

// endPurge gives the claims back and removes the Job. The record goes first: what it guards is deleted.
func (s *scope) endPurge(ctx context.Context, records store.Tenants, r store.TenantRecord, job *batchv1.Job) finding {
	if f := s.dropPush(ctx, pinpoint.Delete); !f.ready() {
		return f
	}
	if err := records.RemoveTenant(ctx, r); err != nil {
		return failed(fault.AWS("DynamoDB", "remove the tenant's record", err))
	}
	if err := s.removePurge(ctx, job); err != nil {
		return failed(err)
	}
	s.event("Deleted", "Delete", "Deleted the data of tenant %s in ChatCluster %s: %d conversations, %d users", s.id, clusterKey(s.ct), r.Purge.Conversations, r.Purge.Users)
	return finding{}
}

// cleanUp removes the Job of a purge that ended before.
func (s *scope) cleanUp(ctx context.Context) finding {
	p, err := s.Clusters.Workload(s.cc).Purge(string(s.id), s.ct.UID, client.ObjectKeyFromObject(s.ct))
	if err != nil {
		return failed(err)
	}
	job := &batchv1.Job{}
	err = s.Get(ctx, types.NamespacedName{Namespace: s.cc.Namespace, Name: p.Name}, job)
	switch {
	case apierrors.IsNotFound(err):
		return finding{}
	case err != nil:
		return failed(fmt.Errorf("get Job %s: %w", p.Name, err))
	}
	return failed(s.removePurge(ctx, job))
}

func (s *scope) removePurge(ctx context.Context, job *batchv1.Job) error {
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name}}
	for _, o := range []client.Object{job, configMap} {
		err := s.Delete(ctx, o, client.PropagationPolicy(metav1.DeletePropagationBackground))
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %T %s: %w", o, o.GetName(), err)
		}
	}
	return nil
}

// purgeFailed tells why, and has it tried again after a while.
func (s *scope) purgeFailed(ctx context.Context, job *batchv1.Job, c batchv1.JobCondition) finding {
	why, err := s.purgeError(ctx, job)
	if err != nil {
		return failed(err)
	}
	if why == "" {
		why = strings.TrimSpace(c.Reason + ": " + c.Message)
	}
	s.ct.Status.Purge.LastError = why
	if time.Since(c.LastTransitionTime.Time) >= retryPurge {
		if err := s.removePurge(ctx, job); err != nil {
			return failed(err)
		}
		return pending(v1alpha1.ReasonPurging, "tries again after: "+why, afterStep)
	}
	return failed(fault.Terminal(v1alpha1.ReasonPurgeFailed,
		"Job %s/%s failed: %s (it is tried again %s after it failed, and goes on where it was; delete the Job to try at once)", job.Namespace, job.Name, why, retryPurge))
}

// purgeError is the error of the purge's last attempt.
func (s *scope) purgeError(ctx context.Context, job *batchv1.Job) (string, error) {
	var pods corev1.PodList
	err := s.APIReader.List(ctx, &pods, client.InNamespace(job.Namespace), client.MatchingLabels{workload.LabelTenant: string(s.ct.UID)})
	if err != nil {
		return "", fmt.Errorf("list the pods of Job %s: %w", job.Name, err)
	}
	var last time.Time
	why := ""
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			ended := c.State.Terminated
			if ended == nil || ended.FinishedAt.Time.Before(last) {
				continue
			}
			var result struct {
				Error string `json:"error"`
			}
			if json.Unmarshal([]byte(ended.Message), &result) != nil || result.Error == "" {
				result.Error = fmt.Sprintf("exit code %d, %s", ended.ExitCode, ended.Reason)
			}
			last, why = ended.FinishedAt.Time, result.Error
		}
	}
	return fault.Clean(why[:min(len(why), maxError)]), nil
}

func purgeStatus(job string, p store.PurgeProgress) *v1alpha1.PurgeStatus {
	return &v1alpha1.PurgeStatus{Job: job, Phase: p.Phase, Conversations: p.Conversations, Left: p.Left, Users: p.Users}
}

func describe(p store.PurgeProgress) string {
	if p.Phase == "" {
		return "starts"
	}
	return fmt.Sprintf("%s; %d conversations and %d users are deleted, %d conversations are left", p.Phase, p.Conversations, p.Users, p.Left)
}
