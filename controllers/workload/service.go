package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
)

// GatewayService takes clients in: port 80.
func (c Cluster) GatewayService() *corev1ac.ServiceApplyConfiguration {
	return c.service(RoleGateway, corev1ac.ServiceSpec().
		WithType(corev1.ServiceTypeClusterIP).
		WithPorts(servicePort("http", 80)))
}

// ChatService is headless: its addresses are the ready chat pods, and the gateways choose among them.
func (c Cluster) ChatService() *corev1ac.ServiceApplyConfiguration {
	return c.service(RoleChat, corev1ac.ServiceSpec().
		WithType(corev1.ServiceTypeClusterIP).
		WithClusterIP(corev1.ClusterIPNone).
		WithPorts(servicePort("grpc", chatPort)))
}

func (c Cluster) service(role string, spec *corev1ac.ServiceSpecApplyConfiguration) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(c.ChildName(role), c.Namespace).
		WithLabels(c.Labels(role)).
		WithOwnerReferences(c.owner()).
		WithSpec(spec.WithSelector(c.selector(role)))
}

func servicePort(name string, port int32) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().WithName(name).WithPort(port).WithProtocol(corev1.ProtocolTCP).WithTargetPort(intstr.FromString(name))
}

// DisruptionBudget keeps a drain of nodes from taking too many pods of a role at once. It never blocks a drain: at least
// one pod may go.
func (c Cluster) DisruptionBudget(r Role) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	return policyv1ac.PodDisruptionBudget(c.ChildName(r.Name), c.Namespace).
		WithLabels(c.Labels(r.Name)).
		WithOwnerReferences(c.owner()).
		WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMaxUnavailable(r.Unavailable).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(c.selector(r.Name))))
}

// ServiceAccount is the identity of a component's pods, for IRSA and Pod Identity. Its token is not mounted.
func (c Cluster) ServiceAccount(component string) *corev1ac.ServiceAccountApplyConfiguration {
	account := corev1ac.ServiceAccount(c.ChildName(component), c.Namespace).
		WithLabels(c.Labels(component)).
		WithOwnerReferences(c.owner()).
		WithAutomountServiceAccountToken(false)
	if component == ComponentMigrate || component == ComponentPurge {
		account.WithAnnotations(c.Spec.Jobs.ServiceAccountAnnotations)
	}
	return account
}

// RoleAccount is the ServiceAccount of a role, with what the user annotates it with.
func (c Cluster) RoleAccount(r Role) *corev1ac.ServiceAccountApplyConfiguration {
	return c.ServiceAccount(r.Name).WithAnnotations(r.Settings.ServiceAccountAnnotations)
}
