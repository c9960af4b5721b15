package chatcluster

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

func podWith(c corev1.ContainerStatus) corev1.Pod {
	return corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{c}}}
}

func waitsFor(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func crashed(state corev1.ContainerState, restarts int32, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		State: state, RestartCount: restarts,
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: message}},
	}
}

func TestPodTrouble(t *testing.T) {
	const words = `{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"starting"}` + "\nchatd: redis: WRONGPASS\n"
	crash := "CrashLoopBackOff: ended with exit code 1, Error: redis: WRONGPASS"
	running, backingOff := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, waitsFor("CrashLoopBackOff", "back-off 40s restarting failed container=chat pod=demo-chat-x").State
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: words}}
	unschedulable := corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Insufficient cpu."},
	}}}
	going := podWith(waitsFor("CreateContainerError", "x"))
	now := metav1.Now()
	going.DeletionTimestamp = &now
	evicted := podWith(corev1.ContainerStatus{State: ended})
	evicted.Status.Phase = corev1.PodFailed
	ready := crashed(running, 3, words)
	ready.Ready = true
	cases := map[string]struct {
		reason string
		pod    corev1.Pod
		want   string
	}{
		"Fine":          {"a container that starts is no trouble", podWith(waitsFor("ContainerCreating", "")), ""},
		"Recovered":     {"what runs and is ready is no trouble, whatever it went through", podWith(ready), ""},
		"Going":         {"a pod that is deleted is nobody's hope", going, ""},
		"Evicted":       {"a pod that is over is replaced by another", evicted, ""},
		"Unschedulable": {"the scheduler says what is missing", unschedulable, "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."},
		"Pull":          {"the registry's answer is the cause", podWith(waitsFor("ErrImagePull", `failed to pull "x": not found`)), `ImagePullBackOff: failed to pull "x": not found`},
		"PullBackOff": {"it is the same trouble while the kubelet waits to try again",
			podWith(waitsFor("ImagePullBackOff", `Back-off pulling image "x": ErrImagePull: failed to pull "x": not found`)), `ImagePullBackOff: failed to pull "x": not found`},
		"Config":      {"the kubelet names what is missing", podWith(waitsFor("CreateContainerConfigError", `secret "x" not found`)), `CreateContainerConfigError: secret "x" not found`},
		"FirstCrash":  {"one end is no loop yet", podWith(corev1.ContainerStatus{State: ended}), "ended with exit code 1, Error: redis: WRONGPASS"},
		"BackingOff":  {"why it ended matters, not how long the kubelet waits", podWith(crashed(backingOff, 4, words)), crash},
		"RunsAgain":   {"it is the same trouble until it is ready", podWith(crashed(running, 5, words)), crash},
		"EndedAgain":  {"it is the same trouble", podWith(crashed(ended, 5, words)), crash},
		"NoLastWords": {"log lines carry times: each crash would rewrite the condition", podWith(crashed(backingOff, 1, `{"time":"2026"}`)), "CrashLoopBackOff: ended with exit code 1, Error"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, podTrouble(&tc.pod)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			slim, err := slimPod(tc.pod.DeepCopy())
			if err != nil || podTrouble(slim.(*corev1.Pod)) != tc.want {
				t.Errorf("%s: the cache's copy says %q, %v", tc.reason, podTrouble(slim.(*corev1.Pod)), err)
			}
		})
	}
	pull := cases["Pull"].pod
	if got, want := troubles([]corev1.Pod{unschedulable, pull, pull, cases["Fine"].pod}),
		`2 pods: ImagePullBackOff: failed to pull "x": not found; 1 pod: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.`; got != want {
		t.Errorf("summed up: %s", got)
	}
	if tellingPods().Update(event.UpdateEvent{ObjectOld: &pull, ObjectNew: new(cases["PullBackOff"].pod)}) {
		t.Error("an image that is still not there causes a pass each time the kubelet tries")
	}
	if fine := cases["Fine"].pod; !tellingPods().Update(event.UpdateEvent{ObjectOld: &fine, ObjectNew: &pull}) {
		t.Error("a pod that gets into trouble goes unheard")
	}
}

// Who looks at the ChatCluster must not have to look at pods to learn why it is not Ready.
func TestRoleSaysWhyItsPodsWait(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Gateway.Replicas = new(int32(3)) })
	pod := w.addPod(workload.RoleGateway, waitsFor("ImagePullBackOff", `Back-off pulling image "x": ErrImagePull: no such image`))
	w.pass()
	for _, kind := range []string{v1alpha1.ConditionGatewayReady, v1alpha1.ConditionReady} {
		if c := w.condition(kind); !strings.Contains(c.Message, "1 pod: ImagePullBackOff: no such image") {
			t.Errorf("%s does not say why: %+v", kind, c)
		}
	}
	if err := admin.Delete(t.Context(), pod, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if !meta.IsStatusConditionTrue(w.get().Status.Conditions, v1alpha1.ConditionGatewayReady) {
		t.Error(explainConditions(w.get()))
	}
}

// addPod does as the ReplicaSet controller and the kubelet do for a pod of a role.
func (w *world) addPod(role string, status corev1.ContainerStatus) *corev1.Pod {
	w.t.Helper()
	d := w.deployment(role)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: d.Name + "-", Namespace: w.namespace, Labels: maps.Clone(d.Spec.Template.Labels)},
		Spec:       d.Spec.Template.Spec,
	}
	if err := admin.Create(w.t.Context(), pod); err != nil {
		w.t.Fatal(err)
	}
	before := pod.DeepCopy()
	status.Name = role
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{status}
	if err := admin.Status().Patch(w.t.Context(), pod, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
	return pod
}
