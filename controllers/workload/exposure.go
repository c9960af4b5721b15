package workload

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
)

// suffixLoadBalancer ends the name of the Service of type LoadBalancer. It is one beside the Service for the inside: what is
// exposed, and how, changes nothing for who connects there.
const suffixLoadBalancer = RoleGateway + "-lb"

// socketPath is where WebSockets connect.
const socketPath = "/v1/ws"

// awsLoadBalancer begins the annotations that the AWS Load Balancer Controller reads.
const awsLoadBalancer = "service.beta.kubernetes.io/aws-load-balancer-"

// LoadBalancerName is the name of the Service of type LoadBalancer.
func (c Cluster) LoadBalancerName() string { return c.ChildName(suffixLoadBalancer) }

// LoadBalancer takes clients in from outside. A gateway that is taken out of it keeps its connections for as long as it drains.
func (c Cluster) LoadBalancer() *corev1ac.ServiceApplyConfiguration {
	lb := c.Spec.Gateway.Exposure.LoadBalancer
	annotations := map[string]string{
		awsLoadBalancer + "nlb-target-type": "ip",
		awsLoadBalancer + "scheme":          lb.Scheme,
		awsLoadBalancer + "target-group-attributes": fmt.Sprintf(
			"deregistration_delay.timeout_seconds=%d", c.deregistration()),
	}
	entry := servicePort("http", 80)
	if lb.CertificateARN != "" {
		entry = servicePort("https", 443).WithTargetPort(intstr.FromString("http"))
		annotations[awsLoadBalancer+"ssl-cert"] = lb.CertificateARN
		annotations[awsLoadBalancer+"ssl-ports"] = "443"
	}
	maps.Copy(annotations, lb.Annotations)
	spec := corev1ac.ServiceSpec().
		WithType(corev1.ServiceTypeLoadBalancer).
		WithPorts(entry).
		WithLoadBalancerSourceRanges(lb.SourceRanges...).
		WithSelector(c.selector(RoleGateway))
	if lb.Class != "" {
		spec.WithLoadBalancerClass(lb.Class)
	}
	return corev1ac.Service(c.LoadBalancerName(), c.Namespace).
		WithLabels(c.Labels(RoleGateway)).
		WithAnnotations(annotations).
		WithOwnerReferences(c.owner()).
		WithSpec(spec)
}

// maxDeregistration is AWS's bound, in seconds.
const maxDeregistration = 3600

// deregistration is how long a load balancer leaves connections to a gateway that stops, in seconds.
func (c Cluster) deregistration() int64 {
	return min(seconds(*c.Spec.Gateway.DrainPeriod)+stopMargin, maxDeregistration)
}

// Ingress takes clients in from outside. Sockets are idle for up to half a minute between pings; the default times of NGINX and
// Application Load Balancers are near that.
func (c Cluster) Ingress() *networkingv1ac.IngressApplyConfiguration {
	in := c.Spec.Gateway.Exposure.Ingress
	annotations := map[string]string{
		"nginx.ingress.kubernetes.io/proxy-read-timeout":     "3600",
		"nginx.ingress.kubernetes.io/proxy-send-timeout":     "3600",
		"alb.ingress.kubernetes.io/target-type":              "ip",
		"alb.ingress.kubernetes.io/load-balancer-attributes": "idle_timeout.timeout_seconds=3600",
		"alb.ingress.kubernetes.io/target-group-attributes":  fmt.Sprintf("deregistration_delay.timeout_seconds=%d", c.deregistration()),
		"alb.ingress.kubernetes.io/healthcheck-path":         "/",
		"alb.ingress.kubernetes.io/success-codes":            "200-499", // any answer: who is not ready is no target
	}
	maps.Copy(annotations, in.Annotations)
	spec := networkingv1ac.IngressSpec().WithRules(networkingv1ac.IngressRule().
		WithHost(in.Host).
		WithHTTP(networkingv1ac.HTTPIngressRuleValue().WithPaths(networkingv1ac.HTTPIngressPath().
			WithPath("/").
			WithPathType(networkingv1.PathTypePrefix).
			WithBackend(networkingv1ac.IngressBackend().WithService(networkingv1ac.IngressServiceBackend().
				WithName(c.ChildName(RoleGateway)).
				WithPort(networkingv1ac.ServiceBackendPort().WithName("http")))))))
	if in.ClassName != "" {
		spec.WithIngressClassName(in.ClassName)
	}
	if in.TLSSecretName != "" {
		spec.WithTLS(networkingv1ac.IngressTLS().WithHosts(in.Host).WithSecretName(in.TLSSecretName))
	}
	return networkingv1ac.Ingress(c.ChildName(RoleGateway), c.Namespace).
		WithLabels(c.Labels(RoleGateway)).
		WithAnnotations(annotations).
		WithOwnerReferences(c.owner()).
		WithSpec(spec)
}

// HTTPRoute takes clients in from outside by way of the Gateways that the spec names.
func (c Cluster) HTTPRoute() Object {
	route := c.Spec.Gateway.Exposure.HTTPRoute
	var parents []map[string]any
	for _, p := range route.ParentRefs {
		ref := map[string]any{"group": HTTPRouteKind.Group, "kind": "Gateway", "name": p.Name}
		if p.Namespace != "" {
			ref["namespace"] = p.Namespace
		}
		if p.SectionName != "" {
			ref["sectionName"] = p.SectionName
		}
		parents = append(parents, ref)
	}
	o := c.object(HTTPRouteKind, RoleGateway, RoleGateway, map[string]any{
		"parentRefs": parents,
		"hostnames":  route.Hostnames,
		"rules": []any{map[string]any{
			"backendRefs": []any{map[string]any{"name": c.ChildName(RoleGateway), "port": 80}},
		}},
	})
	o.Metadata.WithAnnotations(route.Annotations)
	return o
}

// GatewayURL is where clients connect to. address is the load balancer's own, where there is one and it is known.
func (c Cluster) GatewayURL(address string) string {
	switch e := c.Spec.Gateway.Exposure; {
	case e.LoadBalancer != nil:
		host := e.LoadBalancer.Host
		if host == "" {
			host = address
		}
		if host == "" {
			return ""
		}
		return socketURL(e.LoadBalancer.CertificateARN != "", host)
	case e.Ingress != nil:
		return socketURL(e.Ingress.TLSSecretName != "" || e.Ingress.Annotations["alb.ingress.kubernetes.io/certificate-arn"] != "", e.Ingress.Host)
	case e.HTTPRoute != nil:
		return socketURL(true, e.HTTPRoute.Hostnames[0])
	}
	return socketURL(false, c.ChildName(RoleGateway)+"."+c.Namespace+".svc")
}

func socketURL(secure bool, host string) string {
	scheme := "ws://"
	if secure {
		scheme = "wss://"
	}
	return scheme + host + socketPath
}
