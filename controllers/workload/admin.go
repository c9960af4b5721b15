package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/chatcluster/chatcluster/runtime/config"
)

// RoleAdmin serves administration, where the spec names it.
const RoleAdmin = "admin"

// admin is the role of the admin API, none where the spec does not name it.
func (c Cluster) admin() []Role {
	a := c.Spec.Admin
	if a == nil {
		return nil
	}
	return []Role{{
		Name: RoleAdmin, Replicas: *a.Replicas, Resources: *a.Resources, Settings: a.PodSettings,
		// A request takes 15 s at most; whose archive is cut off asks again.
		GraceSeconds: 15 + stopMargin, Unavailable: intstr.FromInt32(1), portName: "admin", port: adminPort,
		uses: []arrow{toChat, toDynamoDB, toKafka, toRedis, toPostgres, toIssuers, toCollector},
	}}
}

// AdminService is the admin API's, apart from clients': port 80. It is nil where the spec does not name it.
func (c Cluster) AdminService() *corev1ac.ServiceApplyConfiguration {
	if c.Spec.Admin == nil {
		return nil
	}
	port := servicePort("http", 80).WithTargetPort(intstr.FromString("admin"))
	return c.service(RoleAdmin, corev1ac.ServiceSpec().WithType(corev1.ServiceTypeClusterIP).WithPorts(port))
}

// AdminURL is where the admin API is inside the Kubernetes cluster, empty where the spec does not name it.
func (c Cluster) AdminURL() string {
	if c.Spec.Admin == nil {
		return ""
	}
	return "http://" + c.CertificateHost(RoleAdmin) + "/admin/v1"
}

func (c Cluster) adminConfig() config.Admin {
	if c.Spec.Admin == nil {
		return config.Admin{}
	}
	return config.Admin{AllowedOrigins: c.Spec.Admin.AllowedOrigins}
}

// adminCallers are who may call the admin API.
func (c Cluster) adminCallers() []*networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	peers := []*networkingv1ac.NetworkPolicyPeerApplyConfiguration{networkingv1ac.NetworkPolicyPeer().WithPodSelector(metav1ac.LabelSelector())}
	if selector := c.Spec.Admin.AllowedNamespaces; selector != nil {
		namespaces := metav1ac.LabelSelector().WithMatchLabels(selector.MatchLabels)
		for _, e := range selector.MatchExpressions {
			namespaces.WithMatchExpressions(metav1ac.LabelSelectorRequirement().WithKey(e.Key).WithOperator(e.Operator).WithValues(e.Values...))
		}
		peers = append(peers, networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(namespaces))
	}
	return peers
}
