package chatcluster

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

const (
	image1 = "example.com/chatd:1"
	image2 = "example.com/chatd:2"
)

// images are those that the roles' Deployments have now.
func (w *world) images() map[string]string {
	w.t.Helper()
	found := map[string]string{}
	for _, role := range []string{workload.RoleChat, workload.RoleNotify, workload.RoleProject, workload.RoleGateway} {
		found[role], _ = serving(w.deployment(role))
	}
	return found
}

func (w *world) wantImages(when string, chat, notify, project, gateway string) {
	w.t.Helper()
	want := map[string]string{workload.RoleChat: chat, workload.RoleNotify: notify, workload.RoleProject: project, workload.RoleGateway: gateway}
	for role, got := range w.images() {
		if got != want[role] {
			w.t.Errorf("%s: %s has %s, want %s", when, role, got, want[role])
		}
	}
}

func TestRolesRollOutInOrder(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = image2 })
	w.pass()
	w.wantImages("while the migration runs", image1, image1, image1, image1)
	w.endMigration(`{"current":3,"target":3}`, true)
	w.pass()
	w.wantImages("after the migration", image2, image1, image1, image1)
	w.pass()
	w.wantImages("while chat is not ready", image2, image1, image1, image1)
	if c := w.condition(v1alpha1.ConditionGatewayReady); !strings.Contains(c.Message, "the previous image serves; waits for chat to be ready") {
		t.Errorf("GatewayReady does not say what it waits for: %+v", c)
	}
	w.startPods(workload.RoleChat)
	w.pass()
	w.wantImages("when chat is ready", image2, image2, image2, image1)
	w.startPods(workload.RoleNotify)
	w.pass()
	w.wantImages("while one processor is not ready", image2, image2, image2, image1)
	w.startPods(workload.RoleProject)
	w.pass()
	w.wantImages("when the processors are ready", image2, image2, image2, image2)
	w.startPods(workload.RoleGateway)
	w.pass()
	if got := w.get().Status.Image; got != image2 {
		t.Errorf("status.image is %s: %s", got, explainConditions(w.get()))
	}
}

func TestARolloutThatFailsStopsByItself(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	gateway := w.deployment(workload.RoleGateway).Generation
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = image2 })
	w.pass()
	w.endMigration(`{"current":3,"target":3}`, true)
	w.pass()
	w.stick(workload.RoleChat)
	w.addPod(workload.RoleChat, crashed(waitsFor("CrashLoopBackOff", "back-off").State, 4, "chatd: boom"))
	w.pass()
	w.pass()
	w.wantImages("when chat does not get ready", image2, image1, image1, image1)
	c := w.condition(v1alpha1.ConditionChatReady)
	if c.Reason != v1alpha1.ReasonRolloutFailed || !strings.Contains(c.Message, "has timed out progressing") || !strings.Contains(c.Message, "boom") {
		t.Errorf("ChatReady: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionStalled); c.Status != metav1.ConditionTrue || c.Reason != v1alpha1.ReasonRolloutFailed {
		t.Errorf("only a person can mend the image: %s", explainConditions(w.get()))
	}
	if c := w.condition(v1alpha1.ConditionGatewayReady); !strings.Contains(c.Message, "is held back because chat does not get ready") {
		t.Errorf("GatewayReady: %+v", c)
	}
	if got := w.get().Status.Image; got != image1 {
		t.Errorf("status.image is %s", got)
	}

	// Back by the image, and by nothing else.
	if err := admin.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(w.namespace), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = image1 })
	w.settle()
	w.wantImages("after going back", image1, image1, image1, image1)
	if c := w.condition(v1alpha1.ConditionStalled); c.Type != "" {
		t.Errorf("after going back: %+v", c)
	}
	if got := w.deployment(workload.RoleGateway).Generation; got != gateway {
		t.Error("gateways were touched by a rollout that never came to them")
	}
}

// stick does as the Deployment controller does when new pods do not get ready in time.
func (w *world) stick(role string) {
	w.t.Helper()
	d := w.deployment(role)
	before := d.DeepCopy()
	d.Status = appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: 3, UpdatedReplicas: 1, ReadyReplicas: 2, AvailableReplicas: 2, UnavailableReplicas: 1,
		Conditions: []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: progressDeadlineExceeded,
			Message: `ReplicaSet "demo-chat-1" has timed out progressing.`,
		}},
	}
	if err := admin.Status().Patch(w.t.Context(), d, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

// Without a push application people still chat: what holds notifications back holds nothing else.
func TestNotificationsThatWaitHoldNobody(t *testing.T) {
	w := newWorld(t)
	w.pinpoint.Before = func(string) error { return fault.Terminal(v1alpha1.ReasonAccessDenied, "no") }
	w.create(nil)
	for range 8 {
		_, _ = w.reconcile()
		w.dynamo.Settle()
		w.endMigration(`{"current":3,"target":3}`, true)
		w.startPods()
	}
	if c := w.condition(v1alpha1.ConditionGatewayReady); c.Status != metav1.ConditionTrue {
		t.Errorf("the gateways wait: %s", explainConditions(w.get()))
	}
	if c := w.condition(v1alpha1.ConditionNotificationsReady); c.Status != metav1.ConditionFalse {
		t.Errorf("notifications run without an application: %+v", c)
	}
}
