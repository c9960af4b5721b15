package chatcluster

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// belongings are what a role has, as far as it is there.
func (w *world) belongings(role string) []string {
	w.t.Helper()
	var found []string
	for kind, o := range map[string]client.Object{
		"Deployment": &appsv1.Deployment{}, "ServiceAccount": &corev1.ServiceAccount{},
		"PodDisruptionBudget": &policyv1.PodDisruptionBudget{}, "NetworkPolicy": &networkingv1.NetworkPolicy{}, "Service": &corev1.Service{},
	} {
		err := admin.Get(w.t.Context(), w.key("demo-"+role), o)
		if err == nil {
			found = append(found, kind)
		} else if !apierrors.IsNotFound(err) {
			w.t.Fatal(err)
		}
	}
	slices.Sort(found)
	return found
}

// Each processor that the spec names runs as a Deployment with all that belongs to it, after the chat and before the gateways; one that
// is named no more is gone with all of it. An unchanged cluster with processors costs no write.
func TestProcessors(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.Processors.Profanity = &v1alpha1.ProfanitySpec{DetectorSpec: v1alpha1.DetectorSpec{Mode: v1alpha1.ProcessorEnforce, Lists: &v1alpha1.ConfigMapReference{Name: "words"}}}
		s.Processors.Audit = &v1alpha1.AuditSpec{}
	})
	for range 6 {
		w.pass()
		w.dynamo.Settle()
		w.endMigration(`{"current":3,"target":3}`, true)
		w.startPods(workload.RoleChat, workload.RoleNotify, workload.RoleProject, workload.RoleAudit)
	}
	if c := w.condition(v1alpha1.ConditionProcessorsReady); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "words") && !strings.Contains(c.Message, "profanity") {
		t.Errorf("without its pods and lists: %s %s: %s", c.Status, c.Reason, c.Message)
	}
	if slices.Contains(w.deployments(), "demo-gateway") {
		t.Error("the gateways did not wait for the processors")
	}
	w.startPods()
	w.pass()
	if c := w.condition(v1alpha1.ConditionProcessorsReady); c.Reason != v1alpha1.ReasonPending || !strings.Contains(c.Message, w.namespace+"/words") {
		t.Errorf("with its pods and without its lists: %s: %s", c.Reason, c.Message)
	}
	words := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "words"}, Data: map[string]string{"en.txt": "darn"}}
	if err := admin.Create(t.Context(), words); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if c := w.condition(v1alpha1.ConditionProcessorsReady); c.Status != metav1.ConditionTrue {
		t.Errorf("with all of it: %s: %s", c.Reason, c.Message)
	}
	all := []string{"Deployment", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount"}
	for _, role := range []string{workload.RoleProfanity, workload.RoleAudit} {
		if got := w.belongings(role); !slices.Equal(got, all) {
			t.Errorf("%s has %v", role, got)
		}
	}
	if got := w.belongings(workload.RoleSpam); len(got) > 0 {
		t.Errorf("spam, which nobody asked for, has %v", got)
	}
	w.takeOwnWrites()
	w.pass()
	if writes := w.takeOwnWrites(); len(writes) > 0 {
		t.Errorf("nothing changed, and it wrote %v", writes)
	}

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Processors.Profanity = nil })
	w.settle()
	w.pass()
	if got := w.belongings(workload.RoleProfanity); len(got) > 0 {
		t.Errorf("profanity, which is named no more, still has %v", got)
	}
	if got := w.belongings(workload.RoleAudit); !slices.Equal(got, all) {
		t.Errorf("audit has %v", got)
	}
	for _, status := range w.get().Status.Workloads {
		if status.Role == workload.RoleProfanity {
			t.Error("the status still shows profanity")
		}
	}
}
