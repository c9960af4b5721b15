package workload

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/config"
)

var update = flag.Bool("update", false, "write the golden files")

func duration(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

func testCluster() Cluster {
	res := &corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
	}
	return Cluster{
		Namespace: "chat", Name: "demo", UID: "11111111-2222-3333-4444-555555555555",
		Image: "example.com/chatd:1", ApplicationID: "app1",
		Spec: v1alpha1.ChatClusterSpec{
			Image: "example.com/chatd:1",
			AWS:   v1alpha1.AWSSpec{Region: "eu-central-1"},
			Auth: v1alpha1.AuthSpec{Issuers: []v1alpha1.Issuer{
				{Tenant: "acme", Issuer: "https://id.acme.example", Audience: "chat", JWKSURL: "https://id.acme.example/jwks.json"},
			}},
			Gateway: v1alpha1.GatewaySpec{
				Replicas: ptr.To[int32](3), DrainPeriod: duration(90 * time.Second), MaxConnections: ptr.To[int32](5000),
				AllowedOrigins: []string{"https://chat.acme.example"}, Resources: res,
			},
			Chat:          v1alpha1.ChatSpec{Replicas: ptr.To[int32](2), Resources: res},
			Notifications: v1alpha1.NotificationsSpec{Replicas: ptr.To[int32](1), Resources: res},
			Projector:     v1alpha1.ProjectorSpec{Replicas: ptr.To[int32](1), Resources: res},
			DynamoDB:      v1alpha1.DynamoDBSpec{TablePrefix: "chat.demo.", HotRetention: duration(720 * time.Hour)},
			MSK:           v1alpha1.MSKSpec{BootstrapServers: []string{"b-1.example:9094", "b-2.example:9094"}, TLS: ptr.To(true), TopicPrefix: "chat.demo."},
			Aurora: v1alpha1.AuroraSpec{
				Host: "w.example", ReaderHost: "r.example", Port: ptr.To[int32](5432), Database: "chat", Username: "chatd",
				PasswordSecret: v1alpha1.SecretKey{Name: "pg", Key: "password"}, SSLMode: "require",
				Migrations: v1alpha1.MigrationsSpec{Timeout: duration(10 * time.Minute), BackoffLimit: ptr.To[int32](3)},
			},
			ElastiCache: v1alpha1.ElastiCacheSpec{Addresses: []string{"cache.example:6379"}, TLS: ptr.To(true)},
			Pinpoint:    v1alpha1.PinpointSpec{PushDelay: duration(10 * time.Second)},
			Network:     v1alpha1.NetworkSpec{Policies: ptr.To(true)},
			InternalTLS: v1alpha1.InternalTLSSpec{Enabled: ptr.To(true)},
			Telemetry:   v1alpha1.TelemetrySpec{PodMonitor: v1alpha1.PodMonitorSpec{Enabled: ptr.To(true)}},
		},
	}
}

// local is a cluster with everything that the other one leaves out.
func local() Cluster {
	c := testCluster()
	c.Spec.ImagePullPolicy = "IfNotPresent"
	c.Spec.AWS.Endpoints = v1alpha1.AWSEndpoints{DynamoDB: "http://10.0.0.1:8000", Pinpoint: "http://10.0.0.1:8081"}
	c.Spec.AWS.Credentials.SecretName = "aws-credentials"
	c.Spec.ElastiCache.PasswordSecret = &v1alpha1.SecretKey{Name: "redis", Key: "password"}
	c.Spec.ElastiCache.Username = "chat"
	c.Spec.Aurora.ReadRetention = duration(17520 * time.Hour)
	c.Spec.Telemetry = v1alpha1.TelemetrySpec{OTLPEndpoint: "http://collector:4317", SampleRatio: "0.25"}
	c.Spec.InternalTLS.Enabled = ptr.To(false)
	return c
}

// part is what a user writes for a container, a volume or a variable.
func part(t *testing.T, text string) v1alpha1.PodPart {
	t.Helper()
	var p v1alpha1.PodPart
	if err := yaml.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// full is a cluster with everything that may be said about pods, and about who reaches them.
func full(t *testing.T) Cluster {
	c := testCluster()
	c.Spec.Gateway.Autoscaling = &v1alpha1.GatewayAutoscaling{
		Autoscaling:       v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](3), MaxReplicas: 30, TargetCPUPercent: ptr.To[int32](60)},
		TargetConnections: ptr.To[int32](4000),
	}
	c.Spec.Chat.Autoscaling = &v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](2), MaxReplicas: 8, TargetCPUPercent: ptr.To[int32](70)}
	c.Spec.Projector.Autoscaling = &v1alpha1.ConsumerAutoscaling{
		Autoscaling: v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](1), MaxReplicas: 16}, TargetLag: ptr.To[int64](5000),
	}
	c.Spec.Gateway.PodSettings = v1alpha1.PodSettings{
		PriorityClassName:         "chat",
		ServiceAccountAnnotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/gateway"},
		PodTemplate: v1alpha1.PodTemplate{
			Labels:         map[string]string{"team": "chat"},
			Annotations:    map[string]string{"example.com/scrape": "no"},
			NodeSelector:   map[string]string{"node": "chat"},
			Tolerations:    []corev1.Toleration{{Key: "chat", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
			Affinity:       &runtime.RawExtension{Raw: []byte(`{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"preference":{"matchExpressions":[{"key":"arch","operator":"In","values":["arm64"]}]}}]}}`)},
			Env:            []v1alpha1.PodPart{part(t, "{name: TZ, value: UTC}")},
			Volumes:        []v1alpha1.PodPart{part(t, "{name: scratch, emptyDir: {sizeLimit: 1Gi}}")},
			VolumeMounts:   []v1alpha1.VolumeMount{{Name: "scratch", MountPath: "/scratch"}},
			InitContainers: []v1alpha1.PodPart{part(t, "{name: proxy, image: example.com/proxy, restartPolicy: Always}")},
			Containers:     []v1alpha1.PodPart{part(t, "{name: shipper, image: example.com/shipper, volumeMounts: [{name: scratch, mountPath: /in, readOnly: true}]}")},
		},
	}
	c.Spec.Jobs = v1alpha1.PodSettings{
		PriorityClassName:         "chat",
		ServiceAccountAnnotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/migrate"},
		PodTemplate: v1alpha1.PodTemplate{
			Labels:      map[string]string{"team": "chat"},
			Tolerations: []corev1.Toleration{{Key: "chat", Operator: corev1.TolerationOpExists}},
			Env:         []v1alpha1.PodPart{part(t, "{name: TZ, value: UTC}")},
		},
	}
	c.Spec.Network.GatewayFrom = []networkingv1.NetworkPolicyPeer{
		{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "ingress"}}},
		{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}},
	}
	c.Spec.Network.MetricsFrom = []networkingv1.NetworkPolicyPeer{
		{NamespaceSelector: &metav1.LabelSelector{}, PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "prometheus"}}},
	}
	c.Spec.Telemetry.OTLPEndpoint = "http://collector.observability:4317"
	c.Spec.Telemetry.PodMonitor.Labels = map[string]string{"release": "prometheus"}
	c.Spec.Telemetry.PodMonitor.Interval = "15s"
	c.Spec.Gateway.Exposure.LoadBalancer = &v1alpha1.LoadBalancerExposure{
		Scheme: "internet-facing", Class: "service.k8s.aws/nlb", CertificateARN: "arn:aws:acm:eu-central-1:1:certificate/x", Host: "chat.example.com",
		SourceRanges: []string{"192.0.2.0/24"}, Annotations: map[string]string{"service.beta.kubernetes.io/aws-load-balancer-name": "chat"},
	}
	c.Spec.Gateway.Exposure.Ingress = &v1alpha1.IngressExposure{ClassName: "nginx", Host: "chat.example.com", TLSSecretName: "chat-tls"}
	c.Spec.Gateway.Exposure.HTTPRoute = &v1alpha1.HTTPRouteExposure{
		ParentRefs: []v1alpha1.GatewayReference{{Namespace: "infra", Name: "public", SectionName: "https"}}, Hostnames: []string{"chat.example.com"},
	}
	one := v1alpha1.ProcessorSpec{Replicas: ptr.To[int32](1), Resources: c.Spec.Projector.Resources}
	scaled := one
	scaled.Autoscaling = &v1alpha1.ConsumerAutoscaling{Autoscaling: v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](1), MaxReplicas: 4}, TargetLag: ptr.To[int64](1000)}
	annotated := one
	annotated.ServiceAccountAnnotations = map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/audit"}
	c.Spec.Processors = v1alpha1.ProcessorsSpec{
		Spam: &v1alpha1.SpamSpec{
			DetectorSpec: v1alpha1.DetectorSpec{
				ProcessorSpec: scaled, Mode: v1alpha1.ProcessorEnforce, Threshold: ptr.To[int32](90), Action: v1alpha1.ActionHide, MuteSenderFor: duration(10 * time.Minute),
			},
			Limits: &v1alpha1.SpamLimits{Velocity: ptr.To[int32](60), Spread: ptr.To[int32](20), NewFor: duration(48 * time.Hour)},
		},
		Profanity: &v1alpha1.ProfanitySpec{
			DetectorSpec: v1alpha1.DetectorSpec{ProcessorSpec: one, Mode: v1alpha1.ProcessorEnforce, Action: v1alpha1.ActionMask, Lists: &v1alpha1.ConfigMapReference{Name: "words"}},
			Locales:      []v1alpha1.Locale{"de", "en"},
		},
		Fraud:     &v1alpha1.DetectorSpec{ProcessorSpec: one, Mode: v1alpha1.ProcessorDryRun},
		Analytics: &one, Audit: &v1alpha1.AuditSpec{ProcessorSpec: annotated, Export: &v1alpha1.AuditExport{
			To: "s3://vault/chat", RetainFor: *duration(61320 * time.Hour), SigningKeySecret: &v1alpha1.SecretKey{Name: "signing", Key: "audit.key"},
		}},
	}
	c.Spec.Admin = &v1alpha1.AdminSpec{
		Replicas: ptr.To[int32](2), Resources: one.Resources, AllowedOrigins: []string{"https://desk.example"},
		AllowedNamespaces: &metav1.LabelSelector{
			MatchLabels:      map[string]string{"team": "trust"},
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "stage", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"test"}}},
		},
	}
	c.Spec.InternalTLS.IssuerRef = &v1alpha1.IssuerReference{Name: "internal", Kind: "ClusterIssuer", Group: "cert-manager.io"}
	c.Spec.Gateway.WebClient = v1alpha1.WebClientEnabled
	c.Spec.Auth.Issuers[0].WebClient = &v1alpha1.IssuerWebClient{
		ClientID: "chat-web", Scopes: []string{"openid", "offline_access"}, Token: v1alpha1.TokenID, Origins: []string{"https://login.acme.example"},
	}
	return c
}

// A client id that no page uses is no reason to replace every pod.
func TestSignInIsConfiguredWithTheWebClientAlone(t *testing.T) {
	c := full(t)
	c.Spec.Gateway.WebClient = v1alpha1.WebClientDisabled
	got := c.Config()
	if got.Gateway.WebClient || got.Auth.Issuers[0].SignIn.ClientID != "" {
		t.Errorf("without a web client there is sign-in: %+v, %+v", got.Gateway, got.Auth.Issuers[0].SignIn)
	}
	c.Spec.Gateway.WebClient = v1alpha1.WebClientEnabled
	c.Spec.Auth.Issuers[0].WebClient.Token = v1alpha1.TokenAccess
	if got = c.Config(); !got.Gateway.WebClient || got.Auth.Issuers[0].SignIn.ClientID != "chat-web" || got.Auth.Issuers[0].SignIn.IDToken {
		t.Errorf("%+v, %+v", got.Gateway, got.Auth.Issuers[0].SignIn)
	}
}

func render(t *testing.T, c Cluster) []byte {
	t.Helper()
	cm, err := c.ConfigMap()
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Migration(StepExpand)
	if err != nil {
		t.Fatal(err)
	}
	objects := []any{cm, m.ConfigMap, m.Job, c.ServiceAccount(ComponentMigrate), c.GatewayService(), c.ChatService(), c.PodMonitor()}
	if admin := c.AdminService(); admin != nil {
		objects = append(objects, admin)
	}
	for _, r := range c.Roles() {
		d, err := c.Deployment(r, *cm.Name, &r.Replicas)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, c.RoleAccount(r), d, c.DisruptionBudget(r))
		if r.Scaling != nil {
			objects = append(objects, c.Autoscaler(r))
		}
	}
	policies, err := c.NetworkPolicies()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range policies {
		objects = append(objects, p)
	}
	if e := c.Spec.Gateway.Exposure; e.LoadBalancer != nil {
		objects = append(objects, c.LoadBalancer(), c.Ingress(), c.HTTPRoute())
	}
	if c.Spec.InternalTLS.IssuerRef != nil {
		objects = append(objects, c.Certificate(RoleChat), c.Certificate(RoleGateway))
	}
	var out bytes.Buffer
	for _, o := range objects {
		b, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
		out.Write(b)
	}
	return out.Bytes()
}

func TestRendered(t *testing.T) {
	for name, c := range map[string]Cluster{"aws": testCluster(), "local": local(), "full": full(t)} {
		t.Run(name, func(t *testing.T) {
			got := render(t, c)
			path := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("rendered objects differ from %s (-want +got; -update writes it):\n%s", path, diff)
			}
		})
	}
}

// What chatd reads must be what it accepts: it parses strictly.
func TestConfigIsAccepted(t *testing.T) {
	for name, c := range map[string]Cluster{"aws": testCluster(), "local": local(), "full": full(t)} {
		t.Run(name, func(t *testing.T) {
			cm, err := c.ConfigMap()
			if err != nil {
				t.Fatal(err)
			}
			got, err := config.Parse([]byte(cm.Data["config.yaml"]))
			if err != nil {
				t.Fatal(err)
			}
			want := c.Config()
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMigrationName(t *testing.T) {
	name := func(change func(*Cluster)) string {
		c := testCluster()
		change(&c)
		m, err := c.Migration(StepExpand)
		if err != nil {
			t.Fatal(err)
		}
		return m.Name
	}
	base := name(func(*Cluster) {})
	cases := map[string]struct {
		reason string
		change func(*Cluster)
		same   bool
	}{
		"Nothing":  {reason: "the same input is the same Job", change: func(*Cluster) {}, same: true},
		"Replicas": {reason: "scaling migrates nothing", change: func(c *Cluster) { c.Spec.Gateway.Replicas = ptr.To[int32](9) }, same: true},
		"Cache":    {reason: "another cache migrates nothing", change: func(c *Cluster) { c.Spec.ElastiCache.Addresses = []string{"x:1"} }, same: true},
		"App":      {reason: "the push application may come later", change: func(c *Cluster) { c.ApplicationID = "" }, same: true},
		"Image":    {reason: "each image brings its own migrations", change: func(c *Cluster) { c.Image = "example.com/chatd:2" }},
		"Host":     {reason: "another server may hold an older schema", change: func(c *Cluster) { c.Spec.Aurora.Host = "other" }},
		"Timeout":  {reason: "who raises the timeout wants another try", change: func(c *Cluster) { c.Spec.Aurora.Migrations.Timeout = duration(time.Hour) }},
	}
	for n, tc := range cases {
		t.Run(n, func(t *testing.T) {
			got := name(tc.change)
			if (got == base) != tc.same {
				t.Errorf("%s: got %s, unchanged is %s", tc.reason, got, base)
			}
			if len(got) > 63 {
				t.Errorf("%s is longer than a label may be", got)
			}
		})
	}
}

func TestConfigMapFollowsContent(t *testing.T) {
	a, b := testCluster(), testCluster()
	b.Spec.Gateway.Replicas = ptr.To[int32](9)
	c := testCluster()
	c.Spec.Gateway.MaxConnections = ptr.To[int32](1)
	nameOf := func(c Cluster) string {
		cm, err := c.ConfigMap()
		if err != nil {
			t.Fatal(err)
		}
		return *cm.Name
	}
	if nameOf(a) != nameOf(b) {
		t.Error("scaling must not roll pods: the ConfigMap's name changed")
	}
	if nameOf(a) == nameOf(c) {
		t.Error("a changed setting must roll pods: the ConfigMap's name is the same")
	}
}

// The grace period must outlast the drain, or the kubelet cuts connections that still hear when to come back.
func TestGraceOutlastsDrain(t *testing.T) {
	c := testCluster()
	c.Spec.Gateway.DrainPeriod = duration(1500 * time.Millisecond)
	for _, r := range c.Roles() {
		if r.Name == RoleGateway && r.GraceSeconds < 2+30 {
			t.Errorf("grace of the gateway is %d s, want the drain rounded up and the 25 s that a gateway takes beyond it, at least", r.GraceSeconds)
		}
	}
}

func TestNoSecretsInConfig(t *testing.T) {
	out := string(render(t, local()))
	if strings.Contains(out, "kind: Secret") {
		t.Error("a Secret is rendered: secrets are the user's")
	}
}
