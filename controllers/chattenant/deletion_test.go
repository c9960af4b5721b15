package chattenant

import (
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func requestFor(namespace, name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

// What is retained stays taken, also for one of the same name, until the cluster's owner lets a namespace have it.
func TestRetainedClaimsAreReleasedByTheClustersOwnerAlone(t *testing.T) {
	w := newWorld(t)
	w.cluster(nil)
	named := func(s *v1alpha1.ChatTenantSpec) { s.ID = "globex" }
	w.create(w.team, "globex", named)
	w.pass(w.team, "globex")
	w.wantReady(w.team, "globex")
	w.remove(w.team, "globex")
	w.pass(w.team, "globex")
	if r := w.record("globex"); !w.gone(w.team, "globex") || r == nil || r.State != store.TenantRetained || w.job() != nil {
		t.Fatalf("after the deletion: %+v", r)
	}
	if !w.event("Retained") {
		t.Errorf("no event says what is left: %q", w.events)
	}

	w.create(w.team, "globex", named)
	other := w.newNamespace("other-", map[string]string{"allowed": "yes"})
	w.create(other, "thief", func(s *v1alpha1.ChatTenantSpec) { s.Issuer.URL = "https://id.globex.example" })
	for _, key := range [][2]string{{w.team, "globex"}, {other, "thief"}} {
		w.pass(key[0], key[1])
		w.wantStalled(key[0], key[1], v1alpha1.ReasonClaimed)
	}
	if !w.event("ChatCluster", "TenantRefused", v1alpha1.AnnotationReleaseTenants+"="+w.team+"/globex") {
		t.Errorf("the cluster's owner is not told: %q", w.events)
	}

	w.changeCluster(func(cc *v1alpha1.ChatCluster) {
		cc.Annotations = map[string]string{v1alpha1.AnnotationReleaseTenants: "x/y, " + w.team + "/globex"}
	})
	w.pass(other, "thief")
	w.wantStalled(other, "thief", v1alpha1.ReasonClaimed)
	w.pass(w.team, "globex")
	w.wantReady(w.team, "globex")
	if r := w.record("globex"); r.State != store.TenantActive || r.Owner.UID != string(w.get(w.team, "globex").UID) {
		t.Errorf("record: %+v", r)
	}
	if !w.event("ClaimsTakenOver") {
		t.Errorf("no event says that it took over: %q", w.events)
	}

	// The annotation stands; it gives nobody what somebody has.
	w.changeCluster(func(cc *v1alpha1.ChatCluster) {
		cc.Annotations = map[string]string{v1alpha1.AnnotationReleaseTenants: other + "/globex"}
	})
	w.pass(other, "thief")
	w.wantStalled(other, "thief", v1alpha1.ReasonClaimed)

	// An owner that went without saying so is one who is gone.
	w.change(w.team, "globex", func(ct *v1alpha1.ChatTenant) { ct.Finalizers = nil })
	w.remove(w.team, "globex")
	w.pass(other, "thief")
	w.wantReady(other, "thief")
	if r := w.record("globex"); r.Owner.Namespace != w.team {
		t.Errorf("what it took was the issuer alone: %+v", r)
	}
}

// endJob does as the Job controller does.
func (w *world) endJob(kind batchv1.JobConditionType, at time.Time) {
	w.t.Helper()
	job := w.job()
	before := job.DeepCopy()
	when := metav1.NewTime(at)
	job.Status = batchv1.JobStatus{StartTime: &when, UncountedTerminatedPods: &batchv1.UncountedTerminatedPods{}}
	add := func(kinds ...batchv1.JobConditionType) {
		for _, k := range kinds {
			job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
				Type: k, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", LastTransitionTime: when,
			})
		}
	}
	if kind == batchv1.JobComplete {
		job.Status.Succeeded, job.Status.CompletionTime = 1, &when
		add(batchv1.JobSuccessCriteriaMet, batchv1.JobComplete)
	} else {
		job.Status.Failed = 11
		add(batchv1.JobFailureTarget, batchv1.JobFailed)
	}
	if err := admin.Status().Patch(w.t.Context(), job, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

// A purge: the tenant is closed first, a Job deletes, its progress shows, a failure is told and tried again, and the claims go last.
func TestAPurge(t *testing.T) {
	w := newWorld(t)
	w.cluster(nil)
	w.create(w.team, "globex", func(s *v1alpha1.ChatTenantSpec) { s.ID, s.DeletionPolicy = "globex", v1alpha1.DeletionDelete })
	w.pass(w.team, "globex")
	w.remove(w.team, "globex")
	w.pass(w.team, "globex")
	if r := w.record("globex"); r.State != store.TenantDeleting || w.job() != nil {
		t.Fatalf("at first the tenant is closed, and nothing more: %+v", r)
	}
	w.pass(w.team, "globex")
	job := w.job()
	if job == nil {
		t.Fatal("no Job was started")
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "try-", Namespace: w.namespace, Labels: job.Spec.Template.Labels}, Spec: job.Spec.Template.Spec}
	if got := strings.Join(pod.Spec.Containers[0].Args, " "); got != "purge --config /etc/chatcluster/config.yaml --tenant globex" {
		t.Errorf("it runs %q", got)
	}
	var config corev1.ConfigMap
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(job), &config); err != nil {
		t.Errorf("its configuration: %v", err)
	}
	for _, label := range []string{workload.LabelInstance} {
		if job.Labels[label] != "" {
			t.Errorf("the cluster's own controller would take it for a part of the cluster: %v", job.Labels)
		}
	}

	if err := w.db.NotePurge(t.Context(), "globex", store.PurgeProgress{Phase: "conversations", Conversations: 7, Left: 3}); err != nil {
		t.Fatal(err)
	}
	w.pass(w.team, "globex")
	st := w.get(w.team, "globex").Status
	if st.Purge == nil || st.Purge.Conversations != 7 || st.Purge.Left != 3 || !meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionReconciling) {
		t.Errorf("status: %+v", st)
	}
	w.takeWrites()
	w.pass(w.team, "globex")
	if got := w.takeWrites(); len(got) != 0 {
		t.Errorf("waiting wrote %q", got)
	}

	pod.Spec.ServiceAccountName = ""
	if err := admin.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	pod.Status = corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "purge", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: 1, Message: `{"error":"boom"}`, FinishedAt: metav1.Now(),
		}},
	}}}
	if err := admin.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	w.endJob(batchv1.JobFailed, time.Now())
	w.pass(w.team, "globex")
	if m := w.wantStalled(w.team, "globex", v1alpha1.ReasonPurgeFailed); !strings.Contains(m, "boom") {
		t.Errorf("the message does not say why: %s", m)
	}
	if err := admin.Delete(t.Context(), w.job(), client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	w.pass(w.team, "globex")
	if w.job() == nil || meta.IsStatusConditionTrue(w.get(w.team, "globex").Status.Conditions, v1alpha1.ConditionStalled) {
		t.Error("it is not tried again when its Job was deleted")
	}

	w.endJob(batchv1.JobComplete, time.Now())
	w.pass(w.team, "globex")
	if !w.gone(w.team, "globex") || w.record("globex") != nil || w.job() != nil {
		t.Errorf("after the purge: record %+v, Job %v", w.record("globex"), w.job())
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(job), &config); !apierrors.IsNotFound(err) {
		t.Errorf("its configuration stays: %v", err)
	}
	// Everything is free again.
	w.create(w.team, "again", func(s *v1alpha1.ChatTenantSpec) { s.ID, s.Issuer.URL = "globex", "https://id.globex.example" })
	w.pass(w.team, "again")
	w.wantReady(w.team, "again")
}

// A purge that failed long ago is tried again by itself.
func TestAFailedPurgeIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.cluster(nil)
	w.create(w.team, "globex", func(s *v1alpha1.ChatTenantSpec) { s.DeletionPolicy = v1alpha1.DeletionDelete })
	w.pass(w.team, "globex")
	w.remove(w.team, "globex")
	w.pass(w.team, "globex")
	w.pass(w.team, "globex")
	w.endJob(batchv1.JobFailed, time.Now().Add(-retryPurge))
	w.pass(w.team, "globex")
	if w.job() != nil {
		t.Fatal("the failed Job stays")
	}
	w.pass(w.team, "globex")
	if w.job() == nil {
		t.Error("no other Job was started")
	}
}

// A tenant never keeps its namespace, or a cluster's, from going.
func TestATenantGoesWithItsCluster(t *testing.T) {
	cases := map[string]struct {
		reason  string
		policy  v1alpha1.DeletionPolicy
		cluster func(w *world)
		state   store.TenantState // empty: untouched
	}{
		"ClusterIsGone": {"nothing is left to be undone", v1alpha1.DeletionDelete, func(w *world) {
			w.changeCluster(func(cc *v1alpha1.ChatCluster) { cc.Finalizers = nil })
			if err := admin.Delete(w.t.Context(), w.getCluster()); err != nil {
				w.t.Fatal(err)
			}
		}, store.TenantActive},
		"ClusterDeletes": {"the tables go, and with them everything", v1alpha1.DeletionDelete, func(w *world) { deleteCluster(w, v1alpha1.DeletionDelete) }, store.TenantActive},
		"ClusterRetains": {"nothing can purge any more", v1alpha1.DeletionDelete, func(w *world) { deleteCluster(w, v1alpha1.DeletionRetain) }, store.TenantRetained},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cluster(nil)
			w.create(w.team, "globex", func(s *v1alpha1.ChatTenantSpec) { s.ID, s.DeletionPolicy = "globex", tc.policy })
			w.pass(w.team, "globex")
			w.wantReady(w.team, "globex")
			tc.cluster(w)
			w.remove(w.team, "globex")
			w.pass(w.team, "globex")
			if !w.gone(w.team, "globex") || w.job() != nil || w.record("globex").State != tc.state {
				t.Errorf("%s: gone %v, record %+v", tc.reason, w.gone(w.team, "globex"), w.record("globex"))
			}
		})
	}
}

// deleteCluster leaves the cluster on its way out.
func deleteCluster(w *world, policy v1alpha1.DeletionPolicy) {
	w.t.Helper()
	w.changeCluster(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.DeletionPolicy = policy
		cc.Finalizers = []string{"example.com/hold"}
	})
	if err := admin.Delete(w.t.Context(), w.getCluster()); err != nil {
		w.t.Fatal(err)
	}
}
