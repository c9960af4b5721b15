package chatcluster

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// args are those of the migration that runs, nil when none does.
func (w *world) migrationArgs() []string {
	w.t.Helper()
	job := w.migration()
	if job == nil {
		return nil
	}
	return job.Spec.Template.Spec.Containers[0].Args[3:]
}

func TestApproval(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.Aurora.Migrations.Approval = v1alpha1.ApprovalManual })
	w.pass()
	if diff := cmp.Diff([]string{"--preview"}, w.migrationArgs()); diff != "" {
		t.Fatalf("first comes a look (-want +got):\n%s", diff)
	}
	w.endMigration(`{"current":3,"target":4,"pending":["00004_x.sql"]}`, true)
	w.pass()
	if c := w.condition(v1alpha1.ConditionSchemaReady); c.Reason != v1alpha1.ReasonApprovalNeeded || !strings.Contains(c.Message, "00004_x.sql") || !strings.Contains(c.Message, v1alpha1.AnnotationApproveMigration) {
		t.Errorf("nobody says what waits for whom: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionStalled); c.Status != metav1.ConditionTrue {
		t.Errorf("it does not ask for a person: %s", explainConditions(w.get()))
	}
	if diff := cmp.Diff([]string{"00004_x.sql"}, w.get().Status.Schema.Pending); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
	w.change(annotate(v1alpha1.AnnotationApproveMigration, "example.com/chatd:another"))
	w.pass()
	if w.migration() != nil {
		t.Error("another image's approval was taken for this one's")
	}
	w.change(annotate(v1alpha1.AnnotationApproveMigration, "example.com/chatd:1"))
	w.pass()
	if got := w.migrationArgs(); w.migration() == nil || len(got) > 0 {
		t.Errorf("the migration does not run once it is approved: %v", got)
	}
	w.settle()
	if got := w.get().Status.Schema.Pending; len(got) > 0 {
		t.Errorf("still pending: %v", got)
	}

	// An image that changes nothing needs nobody.
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = "example.com/chatd:2" })
	w.settle()
}

// What the previous release made obsolete goes once the wanted one has rolled out, not before.
func TestContractionFollowsTheRollout(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.pass()
	w.endMigration(`{"current":4,"target":4,"contractions":["00004_drop_y.sql"]}`, true)
	w.dynamo.Settle()
	for range 6 {
		w.pass()
		w.dynamo.Settle()
	}
	if w.migration() != nil {
		t.Fatal("the schema is contracted while the pods are not there yet")
	}
	for range 3 { // chat, processors, gateways
		w.startPods()
		w.pass()
	}
	if diff := cmp.Diff([]string{"--contract"}, w.migrationArgs()); diff != "" {
		t.Fatalf("after the rollout (-want +got):\n%s", diff)
	}
	if image, _ := serving(w.deployment(workload.RoleGateway)); image != "example.com/chatd:1" {
		t.Errorf("serving %s", image)
	}
	w.endMigration(`{"current":4,"target":4}`, true)
	w.pass()
	if c := w.condition(v1alpha1.ConditionReady); c.Status != metav1.ConditionTrue {
		t.Errorf("after the contraction: %s", explainConditions(w.get()))
	}
	w.takeWrites()
	outside := len(w.writesOutside())
	w.pass()
	if got := w.takeWrites(); len(got) != outside {
		t.Errorf("it is contracted again: %v", got)
	}
}

// A migration that fails is tried again by itself, each time later.
func TestFailedMigrationsBackOff(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.r.memo.now = func() time.Time { return now }
	w.create(nil)
	for failures, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
		w.pass()
		if w.migration() == nil {
			t.Fatalf("after %d failures no migration runs", failures)
		}
		w.endMigration(`{"error":"boom"}`, false)
		now = time.Now()
		w.pass()
		now = now.Add(wait - 5*time.Second)
		w.pass()
		if w.migration() != nil || w.migrationJobs() == 0 {
			t.Errorf("failure %d is tried again before %s", failures+1, wait)
		}
		now = now.Add(10 * time.Second)
		w.pass()
		w.deleteEndedPods()
	}
	w.pass()
	if w.migration() == nil {
		t.Error("it is not tried again")
	}
	// Somebody who deletes the Job wants it at once.
	if err := admin.Delete(t.Context(), w.migration(), client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if w.migration() == nil {
		t.Error("a deleted Job is not made again at once")
	}
}

func (w *world) migrationJobs() int {
	w.t.Helper()
	var list batchv1.JobList
	if err := admin.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	return len(list.Items)
}

// deleteEndedPods does as the garbage collector does after a Job.
func (w *world) deleteEndedPods() {
	w.t.Helper()
	if err := admin.DeleteAllOf(w.t.Context(), &corev1.Pod{}, inNamespace(w.namespace), atOnce); err != nil {
		w.t.Fatal(err)
	}
}
