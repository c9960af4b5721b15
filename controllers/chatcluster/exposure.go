package chatcluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// retryRoute is when to look again whether an HTTPRoute was accepted: HTTPRoutes are not watched.
const retryRoute = 10 * time.Second

// expose makes the way in that the spec asks for and removes the others.
func (s *scope) expose(ctx context.Context, c workload.Cluster) {
	e := s.spec.Gateway.Exposure
	var errs []error
	if e.LoadBalancer == nil {
		errs = append(errs, s.remove(ctx, &corev1.Service{}, c.LoadBalancerName()))
	}
	if e.Ingress == nil {
		errs = append(errs, s.remove(ctx, &networkingv1.Ingress{}, c.ChildName(workload.RoleGateway)))
	}
	if e.HTTPRoute == nil {
		errs = append(errs, s.removeOptional(ctx, workload.HTTPRouteKind, c.ChildName(workload.RoleGateway)))
	}
	address := ""
	switch {
	case e.LoadBalancer != nil:
		address = s.exposeByLoadBalancer(ctx, c)
	case e.Ingress != nil:
		_, err := s.apply(ctx, &networkingv1.Ingress{}, c.Ingress())
		errs = append(errs, err)
	case e.HTTPRoute != nil:
		s.facts.exposure = s.exposeByRoute(ctx, c)
	}
	if err := errors.Join(errs...); err != nil {
		s.facts.exposure = failed(err)
	}
	s.facts.gatewayURL = c.GatewayURL(address)
}

// exposeByLoadBalancer returns the load balancer's address, empty while it has none.
func (s *scope) exposeByLoadBalancer(ctx context.Context, c workload.Cluster) string {
	done, err := s.apply(ctx, &corev1.Service{}, c.LoadBalancer())
	if err != nil {
		s.facts.exposure = failed(err)
		return ""
	}
	if service, ok := done.live.(*corev1.Service); ok {
		for _, in := range service.Status.LoadBalancer.Ingress {
			if in.Hostname != "" {
				return in.Hostname
			}
			if in.IP != "" {
				return in.IP
			}
		}
	}
	s.facts.exposure = pending(v1alpha1.ReasonProgressing, "waits for the load balancer of Service "+c.LoadBalancerName()+" to have an address", 0)
	return ""
}

func (s *scope) exposeByRoute(ctx context.Context, c workload.Cluster) fact {
	live, served, err := s.applyOptional(ctx, workload.HTTPRouteKind, c.HTTPRoute())
	switch {
	case err != nil:
		return failed(err)
	case !served:
		return failed(fault.Terminal(v1alpha1.ReasonNotInstalled,
			"gateway.exposure.httpRoute: this Kubernetes cluster does not know HTTPRoutes (gateway.networking.k8s.io/v1): install the Gateway API, or expose the gateways in another way"))
	case live == nil:
		return pending(v1alpha1.ReasonProgressing, "the HTTPRoute was created", retryRoute)
	}
	return routeFact(live)
}

// routeFact reads whether every Gateway has taken an HTTPRoute. It is pure.
func routeFact(route *unstructured.Unstructured) fact {
	wanted, _, _ := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
	parents, _, _ := unstructured.NestedSlice(route.Object, "status", "parents")
	if len(parents) < len(wanted) {
		return pending(v1alpha1.ReasonProgressing, fmt.Sprintf("waits for %d of %d Gateways to take HTTPRoute %s",
			len(wanted)-len(parents), len(wanted), route.GetName()), retryRoute)
	}
	for _, p := range parents {
		parent, _ := p.(map[string]any)
		gateway, _, _ := unstructured.NestedString(parent, "parentRef", "name")
		conditions, _, _ := unstructured.NestedSlice(parent, "conditions")
		for _, c := range conditions {
			condition, _ := c.(map[string]any)
			if condition["status"] == "False" && (condition["type"] == "Accepted" || condition["type"] == "ResolvedRefs") {
				return pending(v1alpha1.ReasonProgressing, clip(fmt.Sprintf("Gateway %s does not take HTTPRoute %s: %v: %v",
					gateway, route.GetName(), condition["reason"], condition["message"])), retryRoute)
			}
		}
	}
	return fact{}
}
