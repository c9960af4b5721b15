package chatcluster

import (
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// The admin API runs where the spec asks for it, behind a Service of its own that this namespace and those of the selector reach, and nobody
// else; gateways do not wait for it. Where the spec asks for it no more, all of it is gone.
func TestAdmin(t *testing.T) {
	w := newWorld(t)
	teams := &metav1.LabelSelector{MatchLabels: map[string]string{"team": "trust"}}
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.Admin = &v1alpha1.AdminSpec{AllowedNamespaces: teams} })
	for range 6 {
		w.pass()
		w.dynamo.Settle()
		w.endMigration(`{"current":3,"target":3}`, true)
		w.startPods(workload.RoleChat, workload.RoleNotify, workload.RoleProject, workload.RoleGateway)
	}
	w.pass()
	if c := w.condition(v1alpha1.ConditionGatewayReady); c.Status != metav1.ConditionTrue {
		t.Errorf("the gateways wait for the admin API: %s: %s", c.Reason, c.Message)
	}
	if c := w.condition(v1alpha1.ConditionAdminReady); c.Status != metav1.ConditionFalse || c.Reason != v1alpha1.ReasonRollingOut {
		t.Errorf("without its pods: %s %s: %s", c.Status, c.Reason, c.Message)
	}
	w.settle()
	if got, want := w.get().Status.Endpoints.Admin, "http://demo-admin."+w.namespace+".svc/admin/v1"; got != want {
		t.Errorf("the admin API is at %q, want %q", got, want)
	}
	all := []string{"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"}
	if got := w.belongings(workload.RoleAdmin); !slices.Equal(got, all) {
		t.Errorf("it has %v", got)
	}

	var service corev1.Service
	var own, chat networkingv1.NetworkPolicy
	if err := errors.Join(
		admin.Get(t.Context(), w.key("demo-admin"), &service), admin.Get(t.Context(), w.key("demo-admin"), &own), admin.Get(t.Context(), w.key("demo-chat"), &chat),
	); err != nil {
		t.Fatal(err)
	}
	if service.Spec.Type != corev1.ServiceTypeClusterIP || len(service.Spec.Ports) != 1 || service.Spec.Ports[0].TargetPort != intstr.FromString("admin") {
		t.Errorf("its Service is %+v", service.Spec)
	}
	callers := []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}, {NamespaceSelector: teams}}
	if diff := cmp.Diff(callers, peersOf(own, 8090)); diff != "" {
		t.Errorf("who may call it (-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(peersOf(chat, 7400), func(p networkingv1.NetworkPolicyPeer) bool {
		return p.PodSelector.MatchLabels[workload.LabelComponent] == workload.RoleAdmin
	}) {
		t.Error("chat pods do not let it in")
	}
	// To chat pods it is a gateway.
	volumes := w.deployment(workload.RoleAdmin).Spec.Template.Spec.Volumes
	if !slices.ContainsFunc(volumes, func(v corev1.Volume) bool { return v.Secret != nil && v.Secret.SecretName == "demo-gateway-tls" }) {
		t.Errorf("it has no gateway's certificate: %+v", volumes)
	}
	w.takeOwnWrites()
	w.pass()
	if writes := w.takeOwnWrites(); len(writes) > 0 {
		t.Errorf("nothing changed, and it wrote %v", writes)
	}

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Admin = nil })
	w.settle()
	w.pass()
	if got := w.belongings(workload.RoleAdmin); len(got) > 0 {
		t.Errorf("what is asked for no more still has %v", got)
	}
	if c, at := w.condition(v1alpha1.ConditionAdminReady), w.get().Status.Endpoints.Admin; c.Status != metav1.ConditionTrue || at != "" {
		t.Errorf("none is asked for: %s %s, at %q", c.Status, c.Message, at)
	}
}

// peersOf are who a policy lets in at a port.
func peersOf(p networkingv1.NetworkPolicy, port int32) []networkingv1.NetworkPolicyPeer {
	for _, rule := range p.Spec.Ingress {
		if len(rule.Ports) == 1 && *rule.Ports[0].Port == intstr.FromInt32(port) {
			return rule.From
		}
	}
	return nil
}
