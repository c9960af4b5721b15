package chatcluster

import (
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// scale does as the HorizontalPodAutoscaler's controller does.
func (w *world) scale(role string, replicas int32) {
	w.t.Helper()
	scale := &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-" + role},
		Spec:       autoscalingv1.ScaleSpec{Replicas: replicas},
	}
	err := admin.SubResource("scale").Update(w.t.Context(), w.deployment(role), client.WithSubResourceBody(scale), client.FieldOwner("kube-controller-manager"))
	if err != nil {
		w.t.Fatal(err)
	}
}

// observeScale does as the Deployment controller does as soon as it sees another number of pods: none has started yet.
func (w *world) observeScale(role string) {
	w.t.Helper()
	d := w.deployment(role)
	before := d.DeepCopy()
	d.Status.ObservedGeneration, d.Status.Replicas, d.Status.UpdatedReplicas = d.Generation, *d.Spec.Replicas, *d.Spec.Replicas
	if err := admin.Status().Patch(w.t.Context(), d, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) replicas(role string) int32 {
	w.t.Helper()
	return *w.deployment(role).Spec.Replicas
}

func TestAutoscalerAndOperatorDoNotFight(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.Gateway.Replicas = ptr.To[int32](4) })
	w.settle()
	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Gateway.Replicas = nil
		cc.Spec.Gateway.Autoscaling = &v1alpha1.GatewayAutoscaling{Autoscaling: v1alpha1.Autoscaling{MaxReplicas: 10}, TargetConnections: ptr.To[int32](4000)}
	})
	w.pass()
	if got := w.replicas(workload.RoleGateway); got != 4 {
		t.Errorf("handing over left %d of 4 gateways", got)
	}
	var hpa autoscalingv2.HorizontalPodAutoscaler
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &hpa); err != nil {
		t.Fatal(err)
	}
	if hpa.Spec.MaxReplicas != 10 || *hpa.Spec.MinReplicas != 2 || len(hpa.Spec.Metrics) != 1 || hpa.Spec.Metrics[0].Pods.Metric.Name != "chatcluster_gateway_connections" {
		t.Errorf("the autoscaler is %+v", hpa.Spec)
	}

	w.scale(workload.RoleGateway, 7)
	w.pass()
	w.takeOwnWrites()
	w.pass()
	if got := w.takeOwnWrites(); len(got) > 0 {
		t.Errorf("the operator goes on writing: %v", got)
	}
	// A new image writes the Deployment while the autoscaler scales it.
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = "example.com/chatd:2" })
	w.settle()
	if got := w.replicas(workload.RoleGateway); got != 7 {
		t.Errorf("the rollout left %d of 7 gateways", got)
	}
	w.scale(workload.RoleGateway, 9)
	w.observeScale(workload.RoleGateway)
	w.pass()
	if got := w.get().Status.Gateway; w.replicas(workload.RoleGateway) != 9 || got != "7/9" {
		t.Errorf("%d gateways are wanted, the status says %s", w.replicas(workload.RoleGateway), got)
	}
	if c := w.condition(v1alpha1.ConditionReady); c.Status != metav1.ConditionTrue {
		t.Errorf("what the autoscaler adds makes the ChatCluster unready: %s", explainConditions(w.get()))
	}

	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Gateway.Autoscaling, cc.Spec.Gateway.Replicas = nil, ptr.To[int32](3)
	})
	w.settle()
	if got := w.replicas(workload.RoleGateway); got != 3 {
		t.Errorf("%d gateways, want the spec's 3 again", got)
	}
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &hpa); !apierrors.IsNotFound(err) {
		t.Errorf("the autoscaler is left, to fight: %v", err)
	}
}

// Between the look and the write the autoscaler may have scaled: the older number must not win.
func TestObservedReplicasAreNotAppliedLate(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.Gateway.Autoscaling = &v1alpha1.GatewayAutoscaling{Autoscaling: v1alpha1.Autoscaling{MaxReplicas: 10}}
	})
	w.settle()
	stale := w.deployment(workload.RoleGateway)
	w.scale(workload.RoleGateway, 6)
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Gateway.PriorityClassName = "system-node-critical" })
	s := w.r.scope(w.get())
	roles := s.cluster.Roles()
	_, err := s.deploy(t.Context(), s.cluster, roles[len(roles)-1], "config", stale)
	if !apierrors.IsConflict(err) {
		t.Errorf("a number that was observed before was applied: %v", err)
	}
	if got := w.replicas(workload.RoleGateway); got != 6 {
		t.Errorf("%d gateways, want the autoscaler's 6", got)
	}
}

// A HorizontalPodAutoscaler leaves alone what has no pods: somebody must give it the first.
func TestAutoscalerGetsSomethingToScale(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.Chat.Autoscaling = &v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](3), MaxReplicas: 10}
	})
	w.settle()
	if got := w.replicas(workload.RoleChat); got != 3 {
		t.Errorf("at first there are %d chat pods, want the fewest, 3", got)
	}
	w.scale(workload.RoleChat, 0)
	w.pass()
	if got := w.replicas(workload.RoleChat); got != 3 {
		t.Errorf("%d chat pods after somebody scaled to none, want 3", got)
	}
}
