package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Roles of chatd that run as Deployments.
const (
	RoleGateway = "gateway"
	RoleChat    = "chat"
	RoleNotify  = "notify"
	RoleProject = "project"
)

// Role is what differs between the Deployments.
type Role struct {
	// Name is the role's name: chatd's subcommand, and the suffix of the children's names.
	Name      string
	Replicas  int32
	Resources corev1.ResourceRequirements
	// GraceSeconds is how long a pod may take to stop.
	GraceSeconds int64
	// Unavailable is how many pods a drain of nodes may take at once.
	Unavailable intstr.IntOrString

	portName string
	port     int32
}

// stopMargin is what a pod gets beyond its drain, in seconds: for its last answers and flushes, which take a gateway 25 s at
// most, and for the kubelet.
const stopMargin = 30

// Roles returns the cluster's roles, always in the same order: who is called comes before who calls.
func (c Cluster) Roles() []Role {
	s := c.Spec
	return []Role{
		{
			Name: RoleChat, Replicas: *s.Chat.Replicas, Resources: *s.Chat.Resources, GraceSeconds: 30 + stopMargin,
			Unavailable: intstr.FromInt32(1), portName: "grpc", port: chatPort,
		},
		{
			Name: RoleGateway, Replicas: *s.Gateway.Replicas, Resources: *s.Gateway.Resources,
			GraceSeconds: seconds(*s.Gateway.DrainPeriod) + stopMargin,
			Unavailable:  intstr.FromString("10%"), portName: "http", port: gatewayPort,
		},
		{
			Name: RoleNotify, Replicas: *s.Notifications.Replicas, Resources: *s.Notifications.Resources, GraceSeconds: 10 + stopMargin,
			Unavailable: intstr.FromInt32(1),
		},
		{
			Name: RoleProject, Replicas: *s.Projector.Replicas, Resources: *s.Projector.Resources, GraceSeconds: 10 + stopMargin,
			Unavailable: intstr.FromInt32(1),
		},
	}
}
