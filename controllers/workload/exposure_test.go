package workload

import (
	"testing"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

func TestGatewayURL(t *testing.T) {
	cases := map[string]struct {
		reason   string
		exposure v1alpha1.ExposureSpec
		address  string
		want     string
	}{
		"Inside":       {reason: "unexposed gateways are reached by their Service", want: "ws://demo-gateway.chat.svc/v1/ws"},
		"NoAddress":    {reason: "a load balancer without an address is reached by nobody", exposure: v1alpha1.ExposureSpec{LoadBalancer: &v1alpha1.LoadBalancerExposure{}}},
		"LoadBalancer": {"it ends TLS where it has a certificate", v1alpha1.ExposureSpec{LoadBalancer: &v1alpha1.LoadBalancerExposure{CertificateARN: "arn:x"}}, "x.elb.example", "wss://x.elb.example/v1/ws"},
		"Host":         {"the certificate is for the name that DNS points to it", v1alpha1.ExposureSpec{LoadBalancer: &v1alpha1.LoadBalancerExposure{CertificateARN: "arn:x", Host: "chat.example"}}, "x.elb.example", "wss://chat.example/v1/ws"},
		"Ingress":      {reason: "with a certificate", exposure: v1alpha1.ExposureSpec{Ingress: &v1alpha1.IngressExposure{Host: "chat.example", TLSSecretName: "x"}}, want: "wss://chat.example/v1/ws"},
		"Plain":        {reason: "and without", exposure: v1alpha1.ExposureSpec{Ingress: &v1alpha1.IngressExposure{Host: "chat.example"}}, want: "ws://chat.example/v1/ws"},
		"HTTPRoute":    {reason: "the Gateway's listeners are expected to end TLS", exposure: v1alpha1.ExposureSpec{HTTPRoute: &v1alpha1.HTTPRouteExposure{Hostnames: []string{"chat.example"}}}, want: "wss://chat.example/v1/ws"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := testCluster()
			c.Spec.Gateway.Exposure = tc.exposure
			if got := c.GatewayURL(tc.address); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

// Annotations of the user's go before the operator's.
func TestExposureAnnotations(t *testing.T) {
	c := testCluster()
	const key = "nginx.ingress.kubernetes.io/proxy-read-timeout"
	c.Spec.Gateway.Exposure.Ingress = &v1alpha1.IngressExposure{Host: "chat.example", Annotations: map[string]string{key: "60"}}
	if got := c.Ingress().Annotations[key]; got != "60" {
		t.Errorf("%s is %s", key, got)
	}
	c.Spec.Gateway.Exposure.LoadBalancer = &v1alpha1.LoadBalancerExposure{Scheme: "internal", Annotations: map[string]string{awsLoadBalancer + "scheme": "internet-facing"}}
	if got := c.LoadBalancer().Annotations[awsLoadBalancer+"scheme"]; got != "internet-facing" {
		t.Errorf("the scheme is %s", got)
	}
}
