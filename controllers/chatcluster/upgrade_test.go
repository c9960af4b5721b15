package chatcluster

import (
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

func TestUpdateWaitsForItsMigration(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	oldConfig := w.deployment(workload.RoleGateway).Spec.Template.Annotations[workload.AnnotationConfig]

	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Image = "example.com/chatd:2"
		cc.Spec.Gateway.MaxConnections = ptr.To[int32](77)
		cc.Spec.Gateway.Replicas = ptr.To[int32](3)
	})
	w.pass()
	d := w.deployment(workload.RoleGateway)
	if image, config := serving(d); image != "example.com/chatd:1" || config != oldConfig {
		t.Errorf("before its migration the new image rolls: %s with %s", image, config)
	}
	if *d.Spec.Replicas != 3 {
		t.Error("scaling waits for the migration, too")
	}
	if err := admin.Delete(t.Context(), w.deployment(workload.RoleChat)); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if image, _ := serving(w.deployment(workload.RoleChat)); image != "example.com/chatd:1" {
		t.Errorf("a Deployment that was deleted meanwhile came back with %s", image)
	}
	if got := w.get().Status.Image; got != "example.com/chatd:1" {
		t.Errorf("status.image is %s", got)
	}

	w.settle()
	image, config := serving(w.deployment(workload.RoleGateway))
	if image != "example.com/chatd:2" || config == oldConfig {
		t.Errorf("after its migration the new image does not serve: %s with %s", image, config)
	}
	var configMaps corev1.ConfigMapList
	if err := admin.List(t.Context(), &configMaps, client.InNamespace(w.namespace), client.MatchingLabels{workload.LabelInstance: "demo"}); err != nil {
		t.Fatal(err)
	}
	var jobs batchv1.JobList
	if err := admin.List(t.Context(), &jobs, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	if len(configMaps.Items) != 2 || len(jobs.Items) != 1 {
		t.Errorf("%d ConfigMaps and %d Jobs are left, want those of the new image alone", len(configMaps.Items), len(jobs.Items))
	}
}

func TestFailedMigrationIsSeenAtOnce(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = "example.com/chatd:2" })
	w.pass()

	w.endAttempt(w.migration(), `{"current":3,"target":4,"error":"00004_x.sql: relation \"messages\" does not exist (SQLSTATE 42P01)"}`, false)
	w.pass()
	cc := w.get()
	if !strings.Contains(cc.Status.Schema.LastError, "42P01") || ptr.Deref(cc.Status.Schema.Target, 0) != 4 {
		t.Errorf("one pass after a failed attempt the status has %+v", cc.Status.Schema)
	}
	if c := w.condition(v1alpha1.ConditionSchemaReady); c.Reason != v1alpha1.ReasonMigrating || !strings.Contains(c.Message, "42P01") {
		t.Errorf("SchemaReady while it is tried again: %+v", c)
	}

	w.endMigration(`{"current":3,"target":4,"error":"00004_x.sql: relation \"messages\" does not exist (SQLSTATE 42P01)"}`, false)
	w.pass()
	if c := w.condition(v1alpha1.ConditionSchemaReady); c.Reason != v1alpha1.ReasonMigrationFailed || !strings.Contains(c.Message, "42P01") {
		t.Errorf("SchemaReady one pass after the failure: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionStalled); c.Status != metav1.ConditionTrue {
		t.Errorf("a failed migration needs a person: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionReconciling); c.Type != "" {
		t.Errorf("Reconciling beside Stalled hides it from kstatus: %+v", c)
	}
	if image, _ := serving(w.deployment(workload.RoleGateway)); image != "example.com/chatd:1" {
		t.Errorf("the image without its schema rolls: %s", image)
	}
	if got := w.event(v1alpha1.ReasonMigrationFailed); !strings.Contains(got, "42P01") {
		t.Errorf("no event tells of it: %q", w.events)
	}

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = "example.com/chatd:1" })
	w.settle()
	if c := w.condition(v1alpha1.ConditionStalled); c.Type != "" {
		t.Errorf("after going back to the old image: %+v", c)
	}
}
