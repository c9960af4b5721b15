package chatcluster

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// maxResult bounds what is kept of a migration's error, in bytes.
const maxResult = 1024

// migrationResult is what `chatd migrate` writes as its termination message.
type migrationResult struct {
	Current *int64 `json:"current"`
	Target  *int64 `json:"target"`
	Error   string `json:"error"`
	// Pending are the migrations that are not in the database yet, Contractions what follows the rollout.
	Pending      []string `json:"pending"`
	Contractions []string `json:"contractions"`

	succeeded bool
	ended     time.Time
}

// maxPending bounds the list of migrations in the status.
const maxPending = 32

// migrationFacts reads how a migration goes from its Job and pods. It is pure. A Job has a completion time on success only,
// so its conditions are what counts. retry is how long after its failure it is tried again.
func migrationFacts(job *batchv1.Job, pods []corev1.Pod, previous v1alpha1.SchemaStatus, retry time.Duration) (status v1alpha1.SchemaStatus, contractions []string, f fact) {
	status = previous
	if previous.Job != job.Name {
		status.Job, status.LastError = job.Name, ""
	}
	attempts, waiting := readAttempts(pods)
	_, complete := finished(job, batchv1.JobComplete)
	if complete {
		// Attempts may end within one second of each other: what counts now is the one that got through.
		attempts = slices.DeleteFunc(attempts, func(r migrationResult) bool { return !r.succeeded })
	}
	if len(attempts) > 0 {
		last := attempts[len(attempts)-1]
		if last.Current != nil {
			status.Current = last.Current
		}
		if last.Target != nil {
			status.Target, status.Pending = last.Target, last.Pending[:min(len(last.Pending), maxPending)]
		}
		status.LastError, contractions = last.Error, last.Contractions
	}
	if complete {
		status.LastError = ""
		return status, contractions, fact{}
	}
	if condition := jobCondition(job, batchv1.JobFailed); condition != nil {
		why := status.LastError
		if why == "" {
			why = strings.TrimSpace(condition.Reason + ": " + condition.Message)
			status.LastError = clip(why)
		}
		return status, nil, failed(fault.Terminal(v1alpha1.ReasonMigrationFailed,
			"migration Job %s failed: %s (it is tried again %s after it failed; delete the Job to try at once)", job.Name, why, retry))
	}
	message := "migration Job " + job.Name + " runs"
	if job.Status.Failed > 0 || status.LastError != "" {
		limit := int32(6)
		if job.Spec.BackoffLimit != nil {
			limit = *job.Spec.BackoffLimit
		}
		message = fmt.Sprintf("migration Job %s runs; attempt %d of %d failed: %s", job.Name, max(job.Status.Failed, 1), limit+1, status.LastError)
	}
	if waiting != "" {
		message += "; its pod waits: " + waiting
	}
	return status, nil, pending(v1alpha1.ReasonMigrating, message, 0)
}

// readAttempts returns the results of pods that have ended, oldest first, and why a pod that has not cannot start.
func readAttempts(pods []corev1.Pod) (attempts []migrationResult, waiting string) {
	pods = slices.Clone(pods)
	slices.SortFunc(pods, func(a, b corev1.Pod) int {
		if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	defer func() {
		slices.SortStableFunc(attempts, func(a, b migrationResult) int { return a.ended.Compare(b.ended) })
	}()
	for _, p := range pods {
		ended := len(attempts)
		for _, c := range p.Status.ContainerStatuses {
			if c.State.Terminated != nil {
				attempts = append(attempts, parseResult(c.State.Terminated))
			}
		}
		if t := podTrouble(&p); t != "" && len(attempts) == ended {
			waiting = t
		}
	}
	return attempts, waiting
}

// parseResult reads the termination message. Without one (a crash, an eviction, out of memory) the kubelet's own words must do.
func parseResult(t *corev1.ContainerStateTerminated) migrationResult {
	var r migrationResult
	if err := json.Unmarshal([]byte(t.Message), &r); err != nil {
		r = migrationResult{}
	}
	r.succeeded, r.ended = t.ExitCode == 0, t.FinishedAt.Time
	if r.succeeded {
		r.Error = ""
	} else if r.Error == "" {
		r.Error = strings.TrimSpace(fmt.Sprintf("exit code %d, %s. %s", t.ExitCode, t.Reason, t.Message))
	}
	r.Error = clip(r.Error)
	return r
}

func finished(job *batchv1.Job, kind batchv1.JobConditionType) (time.Time, bool) {
	if c := jobCondition(job, kind); c != nil {
		return c.LastTransitionTime.Time, true
	}
	return time.Time{}, false
}

func jobCondition(job *batchv1.Job, kind batchv1.JobConditionType) *batchv1.JobCondition {
	for i := range job.Status.Conditions {
		if c := &job.Status.Conditions[i]; c.Type == kind && c.Status == corev1.ConditionTrue {
			return c
		}
	}
	return nil
}

func clip(s string) string { return shorten(s, maxResult+len(ellipsis)) }

const ellipsis = "…"

// shorten cuts s, at a whole character, to at most limit bytes.
func shorten(s string, limit int) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit-len(ellipsis)], "") + ellipsis
}
