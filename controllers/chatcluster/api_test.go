package chatcluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

func duration(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

func TestInvalidIsRefused(t *testing.T) {
	w := newWorld(t)
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ChatCluster)
		want   string
	}{
		"Name":    {"Services are named after it", func(cc *v1alpha1.ChatCluster) { cc.Name = strings.Repeat("a", 41) }, "at most 40 characters"},
		"NameDot": {"a Service's name has no dots", func(cc *v1alpha1.ChatCluster) { cc.Name = "a.b" }, "lower-case letters, digits"},
		"Image":   {"without an image nothing runs", func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = "" }, "spec.image"},
		"Issuers": {"nobody could connect", func(cc *v1alpha1.ChatCluster) { cc.Spec.Auth.Issuers = nil }, "spec.auth.issuers"},
		"Twice": {"a token would have two tenants", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Auth.Issuers = append(cc.Spec.Auth.Issuers, cc.Spec.Auth.Issuers[0])
		}, "Duplicate value"},
		"ReadRetention": {"the tables would hold what the read model has dropped", func(cc *v1alpha1.ChatCluster) { cc.Spec.Aurora.ReadRetention = duration(100 * time.Hour) }, "aurora.readRetention must be at least"},
		"SampleRatio":   {"more than all", func(cc *v1alpha1.ChatCluster) { cc.Spec.Telemetry.SampleRatio = "1.5" }, "spec.telemetry.sampleRatio"},
		"OTLPEndpoint":  {"no URL", func(cc *v1alpha1.ChatCluster) { cc.Spec.Telemetry.OTLPEndpoint = "collector:4317" }, "spec.telemetry.otlpEndpoint"},
		"Retention":     {"the projector needs a day", func(cc *v1alpha1.ChatCluster) { cc.Spec.DynamoDB.HotRetention = duration(time.Hour) }, "at least 24h"},
		"Drain":         {"a drain ends", func(cc *v1alpha1.ChatCluster) { cc.Spec.Gateway.DrainPeriod = duration(2 * time.Hour) }, "between 1s and 1h"},
		"PushDelay":     {"a push that comes at once doubles what the socket delivers", func(cc *v1alpha1.ChatCluster) { cc.Spec.Pinpoint.PushDelay = duration(time.Millisecond) }, "between 1s and 1h"},
		"Timeout":       {"a migration takes a while", func(cc *v1alpha1.ChatCluster) { cc.Spec.Aurora.Migrations.Timeout = duration(time.Second) }, "between 10s and 24h"},
		"SSLMode":       {"it is libpq's", func(cc *v1alpha1.ChatCluster) { cc.Spec.Aurora.SSLMode = "maybe" }, "Unsupported value"},
		"Broker":        {"a broker has a port", func(cc *v1alpha1.ChatCluster) { cc.Spec.MSK.BootstrapServers = []string{"b-1"} }, "bootstrapServers"},
		"Backups":       {"DynamoDB keeps 35 days", func(cc *v1alpha1.ChatCluster) { cc.Spec.DynamoDB.PointInTimeRecovery.Days = ptr.To[int32](36) }, "less than or equal to 35"},
		"Tag": {"the owner's tags are the operator's", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.AWS.Tags = []v1alpha1.Tag{{Key: "chatcluster.io/uid", Value: "x"}}
		}, "reserved"},
		"TwoScalers": {"two would fight", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Gateway.Replicas = ptr.To[int32](2)
			cc.Spec.Gateway.Autoscaling = &v1alpha1.GatewayAutoscaling{Autoscaling: v1alpha1.Autoscaling{MaxReplicas: 3}}
		}, "set replicas or autoscaling, not both"},
		"MinMax": {"the fewest are not more than the most", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Projector.Autoscaling = &v1alpha1.ConsumerAutoscaling{Autoscaling: v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](4), MaxReplicas: 3}}
		}, "minReplicas must be at most"},
		"OwnLabel": {"pods are found by those", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Chat.PodTemplate.Labels = map[string]string{"app.kubernetes.io/component": "x"}
		}, "the operator finds its pods by those"},
		"OwnContainer": {"another image under the role's name would be no chat", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Chat.PodTemplate.Containers = []v1alpha1.PodPart{podPart(t, "{name: chat, image: x}")}
		}, "the role's own container cannot be changed here"},
		"OwnInit": {"nor before it", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Chat.PodTemplate.InitContainers = []v1alpha1.PodPart{podPart(t, "{name: gateway, image: x}")}
		}, "podTemplate.initContainers may not be named"},
		"OwnVolume": {"the configuration is in it", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Chat.PodTemplate.Volumes = []v1alpha1.PodPart{podPart(t, "{name: config, emptyDir: {}}")}
		}, "podTemplate.volumes may not be named"},
		"OwnMount": {"a mount over the secrets hides them", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Chat.PodTemplate.VolumeMounts = []v1alpha1.VolumeMount{{Name: "x", MountPath: "/var/run/secrets/chatcluster"}}
		}, "podTemplate.volumeMounts may not be below"},
		"OwnEnv": {"the memory's limit is the container's", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Chat.PodTemplate.Env = []v1alpha1.PodPart{podPart(t, "{name: GOMEMLIMIT, value: '1'}")}
		}, "podTemplate.env may not hold GOMEMLIMIT"},
		"Nameless": {"a part is known by its name", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Chat.PodTemplate.Volumes = []v1alpha1.PodPart{podPart(t, "{emptyDir: {}}")}
		}, "volumes[0].name"},
		"TwoWays": {"clients have one address", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Gateway.Exposure = v1alpha1.ExposureSpec{LoadBalancer: &v1alpha1.LoadBalancerExposure{}, Ingress: &v1alpha1.IngressExposure{Host: "chat.example"}}
		}, "set one of loadBalancer, ingress and httpRoute"},
		"Issuer": {"an issuer of no certificates", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.InternalTLS = v1alpha1.InternalTLSSpec{Enabled: ptr.To(false), IssuerRef: &v1alpha1.IssuerReference{Name: "x"}}
		}, "internalTLS.issuerRef has no use"},
		"Endpoint": {"an endpoint is a URL", func(cc *v1alpha1.ChatCluster) { cc.Spec.AWS.Endpoints.DynamoDB = "localhost:8000" }, "dynamoDB"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cc := w.cluster(nil)
			tc.change(cc)
			err := admin.Create(t.Context(), cc)
			if err == nil {
				t.Fatalf("%s: it was accepted", tc.reason)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: the message does not say %q: %v", tc.reason, tc.want, err)
			}
		})
	}
}

// podPart is what a user writes for a container, a volume or a variable.
func podPart(t *testing.T, text string) v1alpha1.PodPart {
	t.Helper()
	var p v1alpha1.PodPart
	if err := yaml.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestImmutable(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.DynamoDB.TablePrefix, s.MSK.TopicPrefix, s.MSK.Partitions = "p.", "p.", ptr.To[int32](6)
	})
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ChatClusterSpec)
		want   string
	}{
		"Region":        {"data does not move", func(s *v1alpha1.ChatClusterSpec) { s.AWS.Region = "us-east-1" }, "aws.region cannot be changed"},
		"TablePrefix":   {"tables would be left", func(s *v1alpha1.ChatClusterSpec) { s.DynamoDB.TablePrefix = "q." }, "dynamoDB.tablePrefix cannot be changed"},
		"TableRemoved":  {"removing the field is a change, too", func(s *v1alpha1.ChatClusterSpec) { s.DynamoDB.TablePrefix = "" }, "dynamoDB.tablePrefix cannot be changed"},
		"ParentRemoved": {"so is removing its parent", func(s *v1alpha1.ChatClusterSpec) { s.DynamoDB = v1alpha1.DynamoDBSpec{} }, "dynamoDB.tablePrefix cannot be changed"},
		"TopicRemoved":  {"topics would be left", func(s *v1alpha1.ChatClusterSpec) { s.MSK.TopicPrefix = "" }, "msk.topicPrefix cannot be changed"},
		"Database":      {"the read model would be left", func(s *v1alpha1.ChatClusterSpec) { s.Aurora.Database = "other" }, "aurora.database cannot be changed"},
		"Partitions":    {"Kafka never removes one", func(s *v1alpha1.ChatClusterSpec) { s.MSK.Partitions = ptr.To[int32](5) }, "msk.partitions can only grow"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cc := w.get()
			tc.change(&cc.Spec)
			err := admin.Update(t.Context(), cc)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: want a message with %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.MSK.Partitions = ptr.To[int32](12) })
}

// What newcomers apply first must be accepted to the letter.
func TestSampleIsAccepted(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "samples", "chatcluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var cc v1alpha1.ChatCluster
	if err := yaml.UnmarshalStrict(data, &cc); err != nil {
		t.Fatal(err)
	}
	cc.Namespace = newWorld(t).namespace
	if err := admin.Create(t.Context(), &cc, client.DryRunAll, client.FieldValidation("Strict")); err != nil {
		t.Error(err)
	}
}
