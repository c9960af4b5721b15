package chatcluster

import (
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

func annotate(key, value string) func(*v1alpha1.ChatCluster) {
	return func(cc *v1alpha1.ChatCluster) {
		if cc.Annotations == nil {
			cc.Annotations = map[string]string{}
		}
		cc.Annotations[key] = value
	}
}

// planned makes a pass that may write nothing but the status, and returns what it would do.
func (w *world) planned() string {
	w.t.Helper()
	w.takeWrites()
	outside := w.writesOutside()
	w.pass()
	for _, write := range w.takeWrites() {
		// Dry runs reach the API server and change nothing.
		if strings.HasPrefix(write, "create") || strings.HasPrefix(write, "update") || strings.HasPrefix(write, "patch *") || strings.HasPrefix(write, "kafka") {
			w.t.Errorf("a plan wrote: %s", write)
		}
	}
	if after := w.writesOutside(); len(after) != len(outside) {
		w.t.Errorf("a plan wrote, beside what was written before: %v, was %v", after, outside)
	}
	if plan := w.get().Status.Plan; plan != nil {
		return strings.Join(plan.Changes, "\n")
	}
	w.t.Errorf("there is no plan: %s", explainConditions(w.get()))
	return ""
}

func (w *world) writesOutside() []string {
	return slices.Concat(w.dynamo.Writes(), w.pinpoint.Writes())
}

func wantLines(t *testing.T, plan string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(plan, line) {
			t.Errorf("the plan does not say %q:\n%s", line, plan)
		}
	}
}

func TestPlanOfANewCluster(t *testing.T) {
	w := newWorld(t)
	cc := w.cluster(nil)
	annotate(v1alpha1.AnnotationPlan, "true")(cc)
	if err := admin.Create(t.Context(), cc); err != nil {
		t.Fatal(err)
	}
	plan := w.planned()
	wantLines(t, plan,
		"table "+w.namespace+".demo.log: Create", "table "+w.namespace+".demo.log: EnableTimeToLive", "topic "+w.namespace+".demo.log: create with 16 partitions",
		"push application: create", "create Job demo-migrate-", "create Deployment demo-gateway", "create Service demo-chat")
	if len(w.dynamo.Names())+len(w.kafka.names())+len(w.pinpoint.Apps())+len(w.deployments()) > 0 || w.migration() != nil {
		t.Error("something was made")
	}
	if len(w.get().Finalizers) > 0 || len(w.events) > 0 {
		t.Errorf("finalizers %v, events %v", w.get().Finalizers, w.events)
	}
	if c := w.condition(v1alpha1.ConditionPlanned); c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, "changes would be made") {
		t.Errorf("no condition tells of the plan: %+v", c)
	}
	before := w.get().ResourceVersion
	w.pass()
	if w.get().ResourceVersion != before {
		t.Error("the same plan is written again and again")
	}
	w.change(annotate(v1alpha1.AnnotationPlan, "false"))
	w.settle()
	if c := w.condition(v1alpha1.ConditionPlanned); c.Type != "" || w.get().Status.Plan != nil {
		t.Errorf("the plan is still there: %+v", c)
	}
}

func TestPlanOfAChange(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	w.change(annotate(v1alpha1.AnnotationPlan, "true"))
	if plan := w.planned(); plan != "" {
		t.Errorf("nothing differs, and the plan says:\n%s", plan)
	}
	generation := w.get().Status.ObservedGeneration
	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Gateway.Replicas = ptr.To[int32](5)
		cc.Spec.MSK.Partitions = ptr.To[int32](32)
		cc.Spec.DynamoDB.DeletionProtection, cc.Spec.DynamoDB.PointInTimeRecovery.Days = ptr.To(false), ptr.To[int32](7)
		cc.Spec.Image = "example.com/chatd:2"
	})
	wantLines(t, w.planned(),
		".demo.log: SetDeletionProtection", ".demo.log: SetPointInTimeRecovery", ".demo.log: grow to 32 partitions",
		"create Job demo-migrate-", "change Deployment demo-gateway:", "spec.replicas: 2 → 5", "example.com/chatd:1 → example.com/chatd:2")
	if got := w.get().Status.ObservedGeneration; got != generation {
		t.Errorf("observedGeneration became %d: kstatus would take the change for made", got)
	}
	if d := w.deployment(workload.RoleGateway); *d.Spec.Replicas != 2 {
		t.Error("the Deployment was changed")
	}
	table := w.namespace + ".demo.log"
	tags := w.dynamo.Tags(table)
	tags[ownership.TagUID] = "another"
	w.dynamo.SetTags(table, tags)
	wantLines(t, w.planned(), "TablesReady: cannot be: table "+table+" belongs to")
}

func TestPlanOfADeletion(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.DeletionPolicy = v1alpha1.DeletionDelete })
	w.settle()
	w.change(annotate(v1alpha1.AnnotationPlan, "true"))
	if err := admin.Delete(t.Context(), w.get()); err != nil {
		t.Fatal(err)
	}
	table := w.namespace + ".demo.log"
	wantLines(t, w.planned(), "delete Deployment demo-gateway", "push application app001: delete", "topic "+table+": delete", "table "+table+": LiftDeletionProtection")
	if !slices.Contains(w.dynamo.Names(), table) || len(w.deployments()) != 4 {
		t.Error("something was deleted")
	}
	if err := admin.Get(t.Context(), w.key("demo"), &v1alpha1.ChatCluster{}); apierrors.IsNotFound(err) {
		t.Error("the ChatCluster went")
	}
}
