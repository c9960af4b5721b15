package workload

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// arrow is one of the design's: something that pods talk to. Services outside are known by name, so what is admitted are
// their ports; where those names lead is not the policy's to know.
type arrow int

const (
	toDynamoDB arrow = iota
	toPinpoint
	toKafka
	toRedis
	toPostgres
	toIssuers
	toCollector
	toChat
	toS3
)

// Where the EKS Pod Identity agent is on every node.
const (
	podIdentityIPv4 = "169.254.170.23/32"
	podIdentityIPv6 = "fd00:ec2::23/128"
	podIdentityPort = 80
)

const (
	dnsPort   = 53
	httpPort  = 80
	httpsPort = 443
)

// ports are those of an arrow that leads out of the ChatCluster.
func (c Cluster) ports(a arrow) []int32 {
	s := c.Spec
	switch a {
	case toDynamoDB:
		return c.awsPorts(s.AWS.Endpoints.DynamoDB)
	case toPinpoint:
		return c.awsPorts(s.AWS.Endpoints.Pinpoint)
	case toS3:
		return c.awsPorts("")
	case toKafka:
		return addressPorts(s.MSK.BootstrapServers)
	case toRedis:
		return addressPorts(s.ElastiCache.Addresses)
	case toPostgres:
		return []int32{*s.Aurora.Port}
	case toIssuers:
		// ChatTenants bring issuers of their own.
		ports := []int32{httpsPort}
		for _, i := range s.Auth.Issuers {
			ports = append(ports, urlPort(i.JWKSURL))
		}
		return ports
	case toCollector:
		if t := s.Telemetry.OTLPEndpoint; t != "" {
			return []int32{urlPort(t)}
		}
	}
	return nil
}

// awsPorts are those of a service of AWS.
func (c Cluster) awsPorts(endpoint string) []int32 {
	if endpoint == "" {
		return []int32{httpsPort}
	}
	return []int32{urlPort(endpoint)}
}

// askAWS tells whether pods that use these need an AWS identity.
func (c Cluster) askAWS(arrows []arrow) bool {
	s := c.Spec
	return slices.ContainsFunc(arrows, func(a arrow) bool {
		switch a {
		case toDynamoDB, toPinpoint, toS3:
			return true
		case toKafka:
			return s.MSK.Authentication.Type == v1alpha1.AuthenticationIAM
		case toRedis:
			return s.ElastiCache.Authentication == v1alpha1.AuthenticationIAM
		case toPostgres:
			return s.Aurora.Authentication == v1alpha1.AuthenticationIAM
		}
		return false
	})
}

func addressPorts(addresses []string) []int32 {
	var ports []int32
	for _, a := range addresses {
		if _, port, err := net.SplitHostPort(a); err == nil {
			if n, err := strconv.ParseInt(port, 10, 32); err == nil {
				ports = append(ports, int32(n))
			}
		}
	}
	return ports
}

func urlPort(s string) int32 {
	u, err := url.Parse(s)
	if err != nil {
		return httpsPort
	}
	if n, err := strconv.ParseInt(u.Port(), 10, 32); err == nil {
		return int32(n)
	}
	if u.Scheme == "http" {
		return httpPort
	}
	return httpsPort
}

// NetworkPolicies admit the design's arrows and nothing else, for every role and the migration. Policies add up: who needs more,
// for a sidecar, adds a policy of their own.
func (c Cluster) NetworkPolicies() ([]*networkingv1ac.NetworkPolicyApplyConfiguration, error) {
	metrics, err := peers(c.Spec.Network.MetricsFrom)
	if err != nil {
		return nil, err
	}
	if len(metrics) == 0 {
		metrics = []*networkingv1ac.NetworkPolicyPeerApplyConfiguration{networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(metav1ac.LabelSelector())}
	}
	clients, err := peers(c.Spec.Network.GatewayFrom)
	if err != nil {
		return nil, err
	}
	policies := []*networkingv1ac.NetworkPolicyApplyConfiguration{
		c.policy(ComponentMigrate, nil, c.egress([]arrow{toPostgres})),
		c.policy(ComponentPurge, nil, c.egress([]arrow{toDynamoDB, toKafka, toRedis, toPostgres})),
	}
	for _, r := range c.Roles() {
		in := []*networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration{
			networkingv1ac.NetworkPolicyIngressRule().WithFrom(metrics...).WithPorts(tcp(opsPort)),
		}
		switch r.Name {
		case RoleGateway:
			in = append(in, networkingv1ac.NetworkPolicyIngressRule().WithFrom(clients...).WithPorts(tcp(gatewayPort)))
		case RoleAdmin:
			in = append(in, networkingv1ac.NetworkPolicyIngressRule().WithFrom(c.adminCallers()...).WithPorts(tcp(adminPort)))
		case RoleChat:
			callers := []*networkingv1ac.NetworkPolicyPeerApplyConfiguration{c.pods(RoleGateway), c.pods(RoleChat)}
			if c.Spec.Admin != nil {
				callers = append(callers, c.pods(RoleAdmin))
			}
			in = append(in, networkingv1ac.NetworkPolicyIngressRule().WithFrom(callers...).WithPorts(tcp(chatPort)))
		}
		policies = append(policies, c.policy(r.Name, in, c.egress(r.uses)))
	}
	return policies, nil
}

func (c Cluster) policy(component string, in []*networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration,
	out []*networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration,
) *networkingv1ac.NetworkPolicyApplyConfiguration {
	selected := c.selector(component)
	if component == ComponentPurge {
		// Its pods are a tenant's: they do not carry the ChatCluster's name.
		delete(selected, LabelInstance)
	}
	return networkingv1ac.NetworkPolicy(c.ChildName(component), c.Namespace).
		WithLabels(c.Labels(component)).
		WithOwnerReferences(c.owner()).
		WithSpec(networkingv1ac.NetworkPolicySpec().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(selected)).
			WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress).
			WithIngress(in...).
			WithEgress(out...))
}

// egress are the rules for arrows: names are looked up, ports are reached, credentials are fetched.
func (c Cluster) egress(arrows []arrow) []*networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration {
	rules := []*networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration{
		networkingv1ac.NetworkPolicyEgressRule().WithPorts(port(corev1.ProtocolUDP, dnsPort), tcp(dnsPort)),
	}
	var ports []int32
	for _, a := range arrows {
		ports = append(ports, c.ports(a)...)
	}
	asks, own := c.askAWS(arrows), c.Spec.AWS.Credentials.SecretName != ""
	if asks && (!own || c.Spec.AWS.AssumeRoleARN != "") {
		// The security token service.
		ports = append(ports, httpsPort)
	}
	slices.Sort(ports)
	out := networkingv1ac.NetworkPolicyEgressRule()
	for _, p := range slices.Compact(ports) {
		out.WithPorts(tcp(p))
	}
	rules = append(rules, out)
	if slices.Contains(arrows, toChat) {
		rules = append(rules, networkingv1ac.NetworkPolicyEgressRule().WithTo(c.pods(RoleChat)).WithPorts(tcp(chatPort)))
	}
	if asks && !own {
		rules = append(rules, networkingv1ac.NetworkPolicyEgressRule().
			WithTo(block(podIdentityIPv4), block(podIdentityIPv6)).WithPorts(tcp(podIdentityPort)))
	}
	return rules
}

func (c Cluster) pods(role string) *networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	return networkingv1ac.NetworkPolicyPeer().WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(c.selector(role)))
}

func block(cidr string) *networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	return networkingv1ac.NetworkPolicyPeer().WithIPBlock(networkingv1ac.IPBlock().WithCIDR(cidr))
}

func tcp(n int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return port(corev1.ProtocolTCP, n)
}

func port(protocol corev1.Protocol, n int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt32(n))
}

// peers are what the user wrote, word by word.
func peers(list []networkingv1.NetworkPolicyPeer) ([]*networkingv1ac.NetworkPolicyPeerApplyConfiguration, error) {
	var out []*networkingv1ac.NetworkPolicyPeerApplyConfiguration
	for _, p := range list {
		data, err := json.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("network peer: %w", err)
		}
		a := networkingv1ac.NetworkPolicyPeer()
		if err := json.Unmarshal(data, a); err != nil {
			return nil, fmt.Errorf("network peer: %w", err)
		}
		out = append(out, a)
	}
	return out, nil
}
