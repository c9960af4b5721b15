package chatcluster

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// install makes the API server know a kind of somebody else's, as far as it matters here, until the test ends.
func (w *world) install(kind schema.GroupVersionKind, plural string) {
	w.t.Helper()
	free := map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
	crd := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{
			"name":        plural + "." + kind.Group,
			"annotations": map[string]any{"api-approved.kubernetes.io": "unapproved, for a test"},
		},
		"spec": map[string]any{
			"group": kind.Group, "scope": "Namespaced",
			"names": map[string]any{"plural": plural, "singular": strings.ToLower(kind.Kind), "kind": kind.Kind, "listKind": kind.Kind + "List"},
			"versions": []any{map[string]any{
				"name": kind.Version, "served": true, "storage": true, "subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "properties": map[string]any{"spec": free, "status": free}}},
			}},
		},
	}}
	if err := admin.Create(w.t.Context(), crd); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := admin.Delete(context.Background(), crd); err != nil {
			w.t.Error(err)
		}
		w.awaitThat(kind.Kind+" to be unknown again", func() bool {
			_, err := w.list(kind)
			return meta.IsNoMatchError(err) || apierrors.IsNotFound(err)
		})
	})
	w.awaitThat(kind.Kind+" to be known", func() bool {
		_, err := w.list(kind)
		return err == nil
	})
}

func (w *world) list(kind schema.GroupVersionKind) ([]unstructured.Unstructured, error) {
	var list unstructured.UnstructuredList
	list.SetGroupVersionKind(kind)
	err := admin.List(context.Background(), &list, client.InNamespace(w.namespace))
	return list.Items, err
}

// one returns the only object of a kind.
func (w *world) one(kind schema.GroupVersionKind) *unstructured.Unstructured {
	w.t.Helper()
	items, err := w.list(kind)
	if err != nil || len(items) != 1 {
		w.t.Fatalf("%d of kind %s, %v; want one", len(items), kind.Kind, err)
	}
	return &items[0]
}

func TestExposedByLoadBalancer(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.Gateway.Exposure.LoadBalancer = &v1alpha1.LoadBalancerExposure{CertificateARN: "arn:aws:acm:eu-central-1:1:certificate/x"}
	})
	for range 8 {
		w.pass()
		w.dynamo.Settle()
		w.endMigration(`{"current":3,"target":3}`, true)
		w.startPods()
	}
	if c := w.condition(v1alpha1.ConditionExposureReady); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "Service demo-gateway-lb to have an address") {
		t.Errorf("ExposureReady without an address: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionGatewayReady); c.Status != metav1.ConditionTrue {
		t.Errorf("gateways wait for the way to them: %+v", c)
	}
	var service corev1.Service
	if err := admin.Get(t.Context(), w.key("demo-gateway-lb"), &service); err != nil {
		t.Fatal(err)
	}
	if service.Spec.Type != corev1.ServiceTypeLoadBalancer || service.Spec.Ports[0].Port != 443 ||
		service.Annotations["service.beta.kubernetes.io/aws-load-balancer-scheme"] != "internal" {
		t.Errorf("the Service is %+v, %v", service.Spec, service.Annotations)
	}
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: "x.elb.example"}}
	if err := admin.Status().Update(t.Context(), &service); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if got := w.get().Status.Endpoints.Gateway; got != "wss://x.elb.example/v1/ws" {
		t.Errorf("clients connect to %s", got)
	}

	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Gateway.Exposure = v1alpha1.ExposureSpec{Ingress: &v1alpha1.IngressExposure{Host: "chat.example", TLSSecretName: "chat-tls", ClassName: "nginx"}}
	})
	w.settle()
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(&service), &service); !apierrors.IsNotFound(err) && service.DeletionTimestamp.IsZero() {
		t.Errorf("the load balancer is left, and costs: %v", err)
	}
	var ingress networkingv1.Ingress
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &ingress); err != nil || ingress.Spec.Rules[0].Host != "chat.example" {
		t.Errorf("the Ingress is %+v, %v", ingress.Spec, err)
	}
	if got := w.get().Status.Endpoints.Gateway; got != "wss://chat.example/v1/ws" {
		t.Errorf("clients connect to %s", got)
	}
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Gateway.Exposure = v1alpha1.ExposureSpec{} })
	w.settle()
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &ingress); !apierrors.IsNotFound(err) {
		t.Errorf("the Ingress is left: %v", err)
	}
}

func TestExposedByHTTPRoute(t *testing.T) {
	w := newQuietWorld(t)
	w.create(nil)
	w.settle()
	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Gateway.Exposure.HTTPRoute = &v1alpha1.HTTPRouteExposure{
			ParentRefs: []v1alpha1.GatewayReference{{Name: "public"}}, Hostnames: []string{"chat.example"},
		}
	})
	w.pass()
	if c := w.condition(v1alpha1.ConditionExposureReady); c.Reason != v1alpha1.ReasonNotInstalled || !strings.Contains(c.Message, "install the Gateway API") {
		t.Errorf("without the Gateway API: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionGatewayReady); c.Status != metav1.ConditionTrue {
		t.Errorf("gateways that serve inside are not ready: %+v", c)
	}

	w.install(workload.HTTPRouteKind, "httproutes")
	w.pass()
	route := w.one(workload.HTTPRouteKind)
	w.pass()
	if c := w.condition(v1alpha1.ConditionExposureReady); c.Reason != v1alpha1.ReasonProgressing || !strings.Contains(c.Message, "waits for 1 of 1 Gateways") {
		t.Errorf("before a Gateway took it: %+v", c)
	}
	answer := func(status, reason, message string) {
		t.Helper()
		route = w.one(workload.HTTPRouteKind)
		route.Object["status"] = map[string]any{"parents": []any{map[string]any{
			"parentRef":  map[string]any{"name": "public"},
			"conditions": []any{map[string]any{"type": "Accepted", "status": status, "reason": reason, "message": message}},
		}}}
		if err := admin.Status().Update(t.Context(), route); err != nil {
			t.Fatal(err)
		}
		w.pass()
	}
	answer("False", "NotAllowedByListeners", "no listener allows it")
	if c := w.condition(v1alpha1.ConditionExposureReady); !strings.Contains(c.Message, "Gateway public does not take HTTPRoute demo-gateway: NotAllowedByListeners") {
		t.Errorf("when the Gateway refused it: %+v", c)
	}
	answer("True", "Accepted", "")
	if c := w.condition(v1alpha1.ConditionReady); c.Status != metav1.ConditionTrue || w.get().Status.Endpoints.Gateway != "wss://chat.example/v1/ws" {
		t.Errorf("clients connect to %s: %s", w.get().Status.Endpoints.Gateway, explainConditions(w.get()))
	}

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Gateway.Exposure.HTTPRoute = nil })
	w.pass()
	if items, err := w.list(workload.HTTPRouteKind); len(items) > 0 || err != nil {
		t.Errorf("%d HTTPRoutes are left, %v", len(items), err)
	}
}

// Prometheus finds the pods when its operator is there, whoever came first.
func TestPodMonitor(t *testing.T) {
	w := newQuietWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.Telemetry.PodMonitor = v1alpha1.PodMonitorSpec{Labels: map[string]string{"release": "prometheus"}}
	})
	w.settle()
	w.install(workload.PodMonitorKind, "podmonitors")
	w.pass()
	monitor := w.one(workload.PodMonitorKind)
	if monitor.GetLabels()["release"] != "prometheus" || !metav1.IsControlledBy(monitor, w.get()) {
		t.Errorf("the PodMonitor is %v", monitor.Object)
	}
	w.takeOwnWrites()
	w.pass()
	if got := w.takeOwnWrites(); len(got) > 0 {
		t.Errorf("the operator goes on writing: %v", got)
	}
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Telemetry.PodMonitor.Enabled = ptr.To(false) })
	w.pass()
	if items, err := w.list(workload.PodMonitorKind); len(items) > 0 || err != nil {
		t.Errorf("%d PodMonitors are left, %v", len(items), err)
	}
}

func TestNetworkPolicies(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.pass()
	names := func() map[string]bool {
		t.Helper()
		var list networkingv1.NetworkPolicyList
		if err := admin.List(t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, p := range list.Items {
			found[p.Labels[workload.LabelComponent]] = true
		}
		return found
	}
	for _, role := range []string{workload.ComponentMigrate, workload.RoleChat, workload.RoleNotify, workload.RoleProject, workload.RoleGateway} {
		if !names()[role] {
			t.Errorf("pods of %s start before there is a policy for them", role)
		}
	}
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Network.Policies = ptr.To(false) })
	w.pass()
	if left := names(); len(left) > 0 {
		t.Errorf("policies of %v are left", left)
	}
}
