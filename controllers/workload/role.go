package workload

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// Roles of chatd that run as Deployments.
const (
	RoleGateway = "gateway"
	RoleChat    = "chat"
	RoleNotify  = "notify"
	RoleProject = "project"
)

// Roles of the stream processors, which run where the spec names them.
const (
	RoleSpam      = "spam"
	RoleProfanity = "profanity"
	RoleFraud     = "fraud"
	RoleAnalytics = "analytics"
	RoleAudit     = "audit"
)

// Processors are the stream processors' roles.
var Processors = []string{RoleSpam, RoleProfanity, RoleFraud, RoleAnalytics, RoleAudit}

// Role is what differs between the Deployments.
type Role struct {
	// Name is the role's name: chatd's subcommand, and the suffix of the children's names.
	Name string
	// Replicas is how many pods are wanted; with Scaling, how many at least.
	Replicas int32
	// Scaling is nil where Replicas alone says how many pods run.
	Scaling   *Scaling
	Resources corev1.ResourceRequirements
	Settings  v1alpha1.PodSettings
	// GraceSeconds is how long a pod may take to stop.
	GraceSeconds int64
	// Unavailable is how many pods a drain of nodes may take at once.
	Unavailable intstr.IntOrString

	// Lists is the ConfigMap with a detector's own lists, empty for none.
	Lists string
	// SigningKey is the Secret with the key that signs exports of the audit log, without a name for none.
	SigningKey v1alpha1.SecretKey

	portName string
	port     int32
	// uses are what the role talks to.
	uses []arrow
}

// stopMargin is what a pod gets beyond its drain, in seconds: for its last answers and flushes, which take a gateway 25 s at
// most, and for the kubelet.
const stopMargin = 30

// Roles returns the cluster's roles in the order in which they roll out: who is called comes before who calls, and the gateways
// last, because a new gateway costs its clients a reconnect.
func (c Cluster) Roles() []Role {
	s := c.Spec
	chat := Role{
		Name: RoleChat, Replicas: *s.Chat.Replicas, Resources: *s.Chat.Resources, Settings: s.Chat.PodSettings,
		GraceSeconds: 30 + stopMargin, Unavailable: intstr.FromInt32(1), portName: "grpc", port: chatPort,
		uses: []arrow{toChat, toDynamoDB, toKafka, toRedis, toCollector},
	}
	chat.scale(s.Chat.Autoscaling, "", 0)
	notify := Role{
		Name: RoleNotify, Replicas: *s.Notifications.Replicas, Resources: *s.Notifications.Resources, Settings: s.Notifications.PodSettings,
		GraceSeconds: 10 + stopMargin, Unavailable: intstr.FromInt32(1),
		uses: []arrow{toDynamoDB, toKafka, toRedis, toPostgres, toPinpoint, toCollector},
	}
	notify.consume(s.Notifications.Autoscaling)
	project := Role{
		Name: RoleProject, Replicas: *s.Projector.Replicas, Resources: *s.Projector.Resources, Settings: s.Projector.PodSettings,
		GraceSeconds: 10 + stopMargin, Unavailable: intstr.FromInt32(1),
		uses: []arrow{toDynamoDB, toKafka, toRedis, toPostgres, toCollector},
	}
	project.consume(s.Projector.Autoscaling)
	gateway := Role{
		Name: RoleGateway, Replicas: *s.Gateway.Replicas, Resources: *s.Gateway.Resources, Settings: s.Gateway.PodSettings,
		GraceSeconds: seconds(*s.Gateway.DrainPeriod) + stopMargin, Unavailable: intstr.FromString("10%"), portName: "http", port: gatewayPort,
		uses: []arrow{toChat, toDynamoDB, toKafka, toRedis, toPostgres, toIssuers, toCollector},
	}
	if a := s.Gateway.Autoscaling; a != nil {
		gateway.scale(&a.Autoscaling, metricConnections, int64Of(a.TargetConnections))
	}
	return slices.Concat([]Role{chat, notify, project}, c.processors(), c.admin(), []Role{gateway})
}

// shownBy is the role whose certificate a role's pods show, empty for none. The admin API is a gateway to chat pods, without clients.
func (c Cluster) shownBy(role string) string {
	if role == RoleAdmin {
		role = RoleGateway
	}
	if !slices.Contains(c.SecuredRoles(), role) {
		return ""
	}
	return role
}
