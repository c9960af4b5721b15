package chatcluster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

func TestCreate(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	if got := w.get().Status.ObservedGeneration; got != -1 {
		t.Errorf("a ChatCluster that nobody has seen has observedGeneration %d, which kstatus takes for done", got)
	}
	w.pass()
	if c := w.condition(v1alpha1.ConditionReconciling); c.Status != metav1.ConditionTrue || c.ObservedGeneration != 1 {
		t.Errorf("the first status does not say Reconciling: %+v", c)
	}
	w.settle()

	cc := w.get()
	ready := map[string]bool{}
	for _, c := range cc.Status.Conditions {
		ready[c.Type] = c.Status == metav1.ConditionTrue
	}
	want := map[string]bool{
		v1alpha1.ConditionReady: true, v1alpha1.ConditionTablesReady: true, v1alpha1.ConditionTopicsReady: true, v1alpha1.ConditionSchemaReady: true,
		v1alpha1.ConditionCacheReady: true, v1alpha1.ConditionPushReady: true, v1alpha1.ConditionGatewayReady: true, v1alpha1.ConditionChatReady: true,
		v1alpha1.ConditionNotificationsReady: true, v1alpha1.ConditionProjectorReady: true, v1alpha1.ConditionInternalTLSReady: true,
		v1alpha1.ConditionExposureReady: true, v1alpha1.ConditionProcessorsReady: true, v1alpha1.ConditionAdminReady: true,
	}
	if diff := cmp.Diff(want, ready); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	st := cc.Status
	if st.Gateway != "2/2" || st.Image != cc.Spec.Image || ptr.Deref(st.Schema.Current, 0) != 3 || st.Push.ApplicationID != "app001" ||
		len(st.Tables) != len(dynamo.Tables()) || len(st.Topics) != len(eventlog.Topics()) || len(st.Workloads) != 4 || st.ObservedGeneration != cc.Generation {
		t.Errorf("status: %+v", st)
	}
	if want := "ws://demo-gateway." + w.namespace + ".svc/v1/ws"; st.Endpoints.Gateway != want {
		t.Errorf("gateway at %s, want %s", st.Endpoints.Gateway, want)
	}

	d := w.deployment(workload.RoleGateway)
	if !metav1.IsControlledBy(d, cc) {
		t.Error("the Deployment is not owned by the ChatCluster")
	}
	if _, copied := d.Labels["argocd.argoproj.io/instance"]; copied {
		t.Error("the ChatCluster's labels were copied to its children")
	}
	// The namespace enforces Pod Security "restricted", which Deployments are not held to but their pods are.
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "try", Namespace: w.namespace, Labels: d.Spec.Template.Labels}, Spec: d.Spec.Template.Spec}
	if err := admin.Create(t.Context(), pod, client.DryRunAll); err != nil {
		t.Errorf("a gateway's pod is refused: %v", err)
	}
	for _, reason := range []string{"TablesCreated", "MigrationStarted", "RollingOut", "Ready"} {
		if w.event(reason) == "" {
			t.Errorf("no event %s in %q", reason, w.events)
		}
	}
}

func TestUnchangedWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.AWS.Credentials.SecretName = "aws"
		s.ElastiCache.PasswordSecret = &v1alpha1.SecretKey{Name: "pg"}
		s.Gateway.Resources = &corev1.ResourceRequirements{}
		s.Gateway.Autoscaling = &v1alpha1.GatewayAutoscaling{Autoscaling: v1alpha1.Autoscaling{MaxReplicas: 5}, TargetConnections: ptr.To[int32](1500)}
		s.Projector.Autoscaling = &v1alpha1.ConsumerAutoscaling{Autoscaling: v1alpha1.Autoscaling{MaxReplicas: 5}, TargetLag: ptr.To[int64](1500)}
		s.Gateway.Exposure.Ingress = &v1alpha1.IngressExposure{Host: "chat.example", TLSSecretName: "chat-tls"}
		s.Network.GatewayFrom = []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}}
		s.Chat.PodSettings, s.Jobs = podSettings(t), podSettings(t)
	})
	w.settle()
	w.pass()
	before := w.get().ResourceVersion
	external := len(w.dynamo.Writes()) + len(w.pinpoint.Writes())
	w.takeWrites()
	reads := w.dynamo.Reads()
	w.pass()
	if got := w.takeWrites(); len(got) != external {
		t.Errorf("a pass over an unchanged ChatCluster wrote:\n%s", strings.Join(got[:len(got)-external], "\n"))
	}
	if w.dynamo.Reads() == reads {
		t.Error("nothing was observed, so nothing was proven")
	}
	if after := w.get().ResourceVersion; after != before {
		t.Error("the ChatCluster was written")
	}
}

func TestDriftIsRepaired(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()

	d := w.deployment(workload.RoleChat)
	d.Spec.Template.Spec.Containers[0].Image = "example.com/evil"
	d.Spec.Template.Spec.Containers[0].Env = nil
	d.Spec.Replicas = ptr.To[int32](7)
	if err := admin.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-gateway"}}
	if err := admin.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	var budget policyv1.PodDisruptionBudget
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &budget); err != nil {
		t.Fatal(err)
	}
	budget.Spec.MaxUnavailable, budget.Labels = nil, nil
	if err := admin.Update(t.Context(), &budget); err != nil {
		t.Fatal(err)
	}
	table := w.namespace + ".demo.log"
	tags := w.dynamo.Tags(table)
	delete(tags, ownership.TagName)
	w.dynamo.SetTags(table, tags)
	w.kafka.topics[w.namespace+".demo.log"].Configs["cleanup.policy"] = "compact"

	w.pass()
	d = w.deployment(workload.RoleChat)
	if c := d.Spec.Template.Spec.Containers[0]; c.Image != "example.com/chatd:1" || len(c.Env) == 0 || *d.Spec.Replicas != 2 {
		t.Errorf("the Deployment was not repaired: %s, %v, %d replicas", c.Image, c.Env, *d.Spec.Replicas)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(service), service); err != nil {
		t.Errorf("the Service was not made again: %v", err)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(&budget), &budget); err != nil || budget.Spec.MaxUnavailable == nil || len(budget.Labels) == 0 {
		t.Errorf("the PodDisruptionBudget was not repaired: %+v, %v", budget.Spec, err)
	}
	if w.dynamo.Tags(table)[ownership.TagName] != "demo" {
		t.Error("the table's tag was not set again")
	}
	if got := w.kafka.topics[w.namespace+".demo.log"].Configs["cleanup.policy"]; got != "delete" {
		t.Errorf("cleanup.policy is %s", got)
	}
	if got := w.get().Status.Image; got != "example.com/chatd:1" {
		t.Errorf("status.image is %s", got)
	}
}

// Fields that others own are theirs: an annotation for IRSA, a sidecar injector's label.
func TestOthersFieldsStay(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	var account corev1.ServiceAccount
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &account); err != nil {
		t.Fatal(err)
	}
	account.Annotations["eks.amazonaws.com/role-arn"] = "arn:aws:iam::1:role/x"
	if err := admin.Update(t.Context(), &account); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &account); err != nil || account.Annotations["eks.amazonaws.com/role-arn"] == "" {
		t.Errorf("the annotation is gone: %v, %v", account.Annotations, err)
	}
}

func TestPaused(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.Paused = true })
	w.pass()
	if len(w.dynamo.Names())+len(w.kafka.names())+len(w.pinpoint.Apps()) != 0 {
		t.Error("a paused ChatCluster changed something outside")
	}
	if c := w.condition(v1alpha1.ConditionPaused); c.Status != metav1.ConditionTrue {
		t.Errorf("it does not say that it is paused: %s", explainConditions(w.get()))
	}
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Paused = false })
	w.settle()
	if c := w.condition(v1alpha1.ConditionPaused); c.Type != "" {
		t.Errorf("still paused: %+v", c)
	}
}
