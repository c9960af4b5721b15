package chatcluster

import (
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

// signIn is a ChatCluster whose issuer knows the web client, with a change.
func signIn(change func(*v1alpha1.Issuer, *v1alpha1.IssuerWebClient)) func(*v1alpha1.ChatCluster) {
	return func(cc *v1alpha1.ChatCluster) {
		i := &cc.Spec.Auth.Issuers[0]
		i.WebClient = &v1alpha1.IssuerWebClient{ClientID: "chat-web"}
		change(i, i.WebClient)
	}
}

func TestInvalidIsRefused(t *testing.T) {
	w := newWorld(t)
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ChatCluster)
		want   string
	}{
		"ProcessorMode": {"a mode that is misspelled must not be off", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Spam = &v1alpha1.SpamSpec{DetectorSpec: v1alpha1.DetectorSpec{Mode: "On"}}
		}, "spec.processors.spam.mode"},
		"ProcessorScalers": {"two would fight", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Audit = &v1alpha1.AuditSpec{ProcessorSpec: v1alpha1.ProcessorSpec{
				Replicas: ptr.To[int32](1), Autoscaling: &v1alpha1.ConsumerAutoscaling{Autoscaling: v1alpha1.Autoscaling{MaxReplicas: 2}},
			}}
		}, "processors: set replicas or autoscaling, not both"},
		"DetectorScalers": {"two would fight", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Fraud = &v1alpha1.DetectorSpec{ProcessorSpec: v1alpha1.ProcessorSpec{
				Replicas: ptr.To[int32](1), Autoscaling: &v1alpha1.ConsumerAutoscaling{Autoscaling: v1alpha1.Autoscaling{MaxReplicas: 2}},
			}}
		}, "processors: set replicas or autoscaling, not both"},
		"Threshold": {"a score is a percentage", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Spam = &v1alpha1.SpamSpec{DetectorSpec: v1alpha1.DetectorSpec{Threshold: ptr.To[int32](101)}}
		}, "spec.processors.spam.threshold"},
		"Mute": {"a mute ends", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Profanity = &v1alpha1.ProfanitySpec{DetectorSpec: v1alpha1.DetectorSpec{MuteSenderFor: duration(721 * time.Hour)}}
		}, "muteSenderFor must be between 1s and 720h"},
		"Action": {"there are two things to do about a message", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Profanity = &v1alpha1.ProfanitySpec{DetectorSpec: v1alpha1.DetectorSpec{Action: "Delete"}}
		}, "spec.processors.profanity.action"},
		"AuditLock": {"it proves little", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Audit = &v1alpha1.AuditSpec{Export: &v1alpha1.AuditExport{To: "s3://vault/chat", RetainFor: *duration(time.Hour)}}
		}, "export.retainFor must be at least 24h"},
		"AuditEvery": {"an export a second is an object a second", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Audit = &v1alpha1.AuditSpec{Export: &v1alpha1.AuditExport{To: "s3://vault/chat", RetainFor: *duration(48 * time.Hour), Every: duration(time.Second)}}
		}, "export.every must be between 1m and 24h"},
		"AuditTo": {"a pod's own folder goes with the pod", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Audit = &v1alpha1.AuditSpec{Export: &v1alpha1.AuditExport{To: "/srv/audit", RetainFor: *duration(48 * time.Hour)}}
		}, "spec.processors.audit.export.to"},
		"SpamLimit": {"no more is remembered of a sender", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Spam = &v1alpha1.SpamSpec{Limits: &v1alpha1.SpamLimits{Velocity: ptr.To[int32](86)}}
		}, "spec.processors.spam.limits.velocity"},
		"SpamNewFor": {"a sender is new for hours", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Spam = &v1alpha1.SpamSpec{Limits: &v1alpha1.SpamLimits{NewFor: duration(time.Minute)}}
		}, "limits.newFor must be between 1h and 720h"},
		"Locale": {"there is no such list", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Profanity = &v1alpha1.ProfanitySpec{Locales: []v1alpha1.Locale{"tlh"}}
		}, "spec.processors.profanity.locales"},
		"LocaleTwice": {"a list counts once", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Processors.Profanity = &v1alpha1.ProfanitySpec{Locales: []v1alpha1.Locale{"en", "en"}}
		}, "Duplicate value"},
		"AdminReplicas": {"an admin API without pods is none", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Admin = &v1alpha1.AdminSpec{Replicas: ptr.To[int32](0)}
		}, "spec.admin.replicas"},
		"Name":    {"Services are named after it", func(cc *v1alpha1.ChatCluster) { cc.Name = strings.Repeat("a", 41) }, "at most 40 characters"},
		"NameDot": {"a Service's name has no dots", func(cc *v1alpha1.ChatCluster) { cc.Name = "a.b" }, "lower-case letters, digits"},
		"Image":   {"without an image nothing runs", func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = "" }, "spec.image"},
		"Issuers": {"nobody could connect", func(cc *v1alpha1.ChatCluster) { cc.Spec.Auth.Issuers = nil }, "spec.auth.issuers"},
		"Twice": {"a token would have two tenants", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Auth.Issuers = append(cc.Spec.Auth.Issuers, cc.Spec.Auth.Issuers[0])
		}, "Duplicate value"},
		"WebClient":    {"a mode that is misspelled must not be off", func(cc *v1alpha1.ChatCluster) { cc.Spec.Gateway.WebClient = "On" }, "spec.gateway.webClient"},
		"SignInClient": {"nobody could sign in", signIn(func(_ *v1alpha1.Issuer, w *v1alpha1.IssuerWebClient) { w.ClientID = "" }), "webClient.clientID"},
		"SignInIssuer": {"a browser finds nothing there", signIn(func(i *v1alpha1.Issuer, _ *v1alpha1.IssuerWebClient) { i.Issuer = "acme" }), "an issuer with a webClient must be a URL"},
		"SignInPolicy": {"it would end the policy's directive", signIn(func(i *v1alpha1.Issuer, _ *v1alpha1.IssuerWebClient) {
			i.Issuer = "https://id.acme.example;script-src *"
		}), "an issuer with a webClient must be a URL"},
		"SignInScopes": {"the issuer would sign nobody in", signIn(func(_ *v1alpha1.Issuer, w *v1alpha1.IssuerWebClient) { w.Scopes = []string{"profile"} }), "webClient.scopes must hold openid"},
		"SignInScope":  {"it would be two", signIn(func(_ *v1alpha1.Issuer, w *v1alpha1.IssuerWebClient) { w.Scopes = []string{"openid", "a b"} }), "webClient.scopes"},
		"SignInToken":  {"there are two kinds", signIn(func(_ *v1alpha1.Issuer, w *v1alpha1.IssuerWebClient) { w.Token = "RefreshToken" }), "webClient.token"},
		"SignInOrigin": {"a path is no part of an origin", signIn(func(_ *v1alpha1.Issuer, w *v1alpha1.IssuerWebClient) {
			w.Origins = []string{"https://login.acme.example/token"}
		}), "webClient.origins"},
		"SignInAnyOrigin": {"it would open the policy to many", signIn(func(_ *v1alpha1.Issuer, w *v1alpha1.IssuerWebClient) {
			w.Origins = []string{"https://*.acme.example"}
		}), "webClient.origins"},
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
		"Capacity": {"capacity goes with its mode", func(cc *v1alpha1.ChatCluster) { cc.Spec.DynamoDB.Billing.Mode = v1alpha1.BillingProvisioned }, "set both or neither"},
		"CapacityAlone": {"and the mode with it", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.DynamoDB.Billing.Provisioned = &v1alpha1.ProvisionedCapacity{ReadUnits: 1, WriteUnits: 1}
		}, "set both or neither"},
		"Limits": {"a provisioned table has no limits", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.DynamoDB.Billing = v1alpha1.BillingSpec{
				Mode: v1alpha1.BillingProvisioned, Provisioned: &v1alpha1.ProvisionedCapacity{ReadUnits: 1, WriteUnits: 1},
				OnDemand: v1alpha1.OnDemandLimits{MaxReadUnits: ptr.To[int64](1)},
			}
		}, "onDemand belongs to mode OnDemand"},
		"KMSAlias": {"an alias cannot be compared with the key that DynamoDB tells", func(cc *v1alpha1.ChatCluster) { cc.Spec.DynamoDB.KMSKeyARN = "alias/chat" }, "kmsKeyARN"},
		"Role":     {"a role is named by its ARN", func(cc *v1alpha1.ChatCluster) { cc.Spec.AWS.AssumeRoleARN = "chat" }, "assumeRoleARN"},
		"KafkaPlain": {"IAM's signature would go in the clear", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.MSK.TLS, cc.Spec.MSK.Authentication.Type = ptr.To(false), v1alpha1.AuthenticationIAM
		}, "need msk.tls"},
		"SCRAMAlone": {"SCRAM has a user", func(cc *v1alpha1.ChatCluster) { cc.Spec.MSK.Authentication.Type = v1alpha1.AuthenticationSCRAM }, "scram belongs to type SCRAM"},
		"MTLSAlone":  {"mTLS has a certificate", func(cc *v1alpha1.ChatCluster) { cc.Spec.MSK.Authentication.Type = v1alpha1.AuthenticationMTLS }, "mtls belongs to type MTLS"},
		"ACLs":       {"IAM has policies, no ACLs", func(cc *v1alpha1.ChatCluster) { cc.Spec.MSK.ACLPrincipals = []string{"User:chatd"} }, "aclPrincipals are for"},
		"AnyoneACL":  {"rights for everyone are no rights", func(cc *v1alpha1.ChatCluster) { cc.Spec.MSK.ACLPrincipals = []string{"User:*ever"} }, "aclPrincipals"},
		"ExpressRF": {"Express keeps three copies", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.MSK.Profile, cc.Spec.MSK.ReplicationFactor = v1alpha1.ProfileExpress, ptr.To[int32](2)
		}, "Express keeps three copies"},
		"ExpressConf": {"Express takes some configurations", topicConfig(v1alpha1.ProfileExpress, "segment.bytes", "1"), "msk.profile Express lets be set"},
		"ServerlessRF": {"Serverless decides by itself", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.MSK.Profile, cc.Spec.MSK.ReplicationFactor = v1alpha1.ProfileServerless, ptr.To[int32](3)
			cc.Spec.MSK.Authentication.Type = v1alpha1.AuthenticationIAM
		}, "Serverless has no msk.replicationFactor"},
		"ServerlessAuth": {"Serverless takes IAM alone", func(cc *v1alpha1.ChatCluster) { cc.Spec.MSK.Profile = v1alpha1.ProfileServerless }, "IAM alone"},
		"ServerlessConf": {"Serverless takes few configurations", topicConfig(v1alpha1.ProfileServerless, "delete.retention.ms", "1"), "msk.profile Serverless lets be set"},
		"ServerlessSize": {"and messages up to 8 MiB", topicConfig(v1alpha1.ProfileServerless, "max.message.bytes", "8388609"), "up to 8388608"},
		"Cleanup":        {"compaction would lose messages", topicConfig(v1alpha1.ProfileProvisioned, "cleanup.policy", "compact"), "cleanup.policy is the operator's"},
		"AuroraPassword": {"somebody must log in somehow", func(cc *v1alpha1.ChatCluster) { cc.Spec.Aurora.PasswordSecret = v1alpha1.SecretKey{} }, "aurora.passwordSecret is needed"},
		"AuroraBoth":     {"IAM has no password", func(cc *v1alpha1.ChatCluster) { cc.Spec.Aurora.Authentication = v1alpha1.AuthenticationIAM }, "has no place with IAM"},
		"AuroraPlain": {"a token is a password", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Aurora.Authentication, cc.Spec.Aurora.PasswordSecret, cc.Spec.Aurora.SSLMode = v1alpha1.AuthenticationIAM, v1alpha1.SecretKey{}, "disable"
		}, "cannot be disable"},
		"AuroraCA":   {"authorities that nobody checks against", func(cc *v1alpha1.ChatCluster) { cc.Spec.Aurora.CASecret.Name = "ca" }, "sslMode verify-full"},
		"CacheIAM":   {"a token is made for a cache and a user", func(cc *v1alpha1.ChatCluster) { cc.Spec.ElastiCache.Authentication = v1alpha1.AuthenticationIAM }, "needs username, cacheName"},
		"Serverless": {"Serverless is sharded", func(cc *v1alpha1.ChatCluster) { cc.Spec.ElastiCache.Serverless = true }, "always sharded"},
		"APNs":       {"a key or a certificate", func(cc *v1alpha1.ChatCluster) { cc.Spec.Pinpoint.Channels.APNS = &v1alpha1.APNSChannel{} }, "either token or certificate"},
		"SharedChannels": {"whoever made the application sees to its channels", func(cc *v1alpha1.ChatCluster) {
			cc.Spec.Pinpoint.ApplicationID, cc.Spec.Pinpoint.Channels.ADM = "abc", &v1alpha1.ADMChannel{SecretName: "adm"}
		}, "pinpoint.channels belong"},
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

func topicConfig(profile, key string, value v1alpha1.TopicConfigValue) func(*v1alpha1.ChatCluster) {
	return func(cc *v1alpha1.ChatCluster) {
		cc.Spec.MSK.Profile, cc.Spec.MSK.TopicConfigs = profile, map[string]v1alpha1.TopicConfigValue{key: value}
		if profile == v1alpha1.ProfileServerless {
			cc.Spec.MSK.Authentication.Type = v1alpha1.AuthenticationIAM
		}
	}
}

// What AWS takes must not be refused.
func TestValidIsAccepted(t *testing.T) {
	w := newWorld(t)
	cases := map[string]func(*v1alpha1.ChatCluster){
		"Express": func(cc *v1alpha1.ChatCluster) {
			topicConfig(v1alpha1.ProfileExpress, "compression.type", "lz4")(cc)
			cc.Spec.MSK.ReplicationFactor = ptr.To[int32](3)
		},
		"Serverless": topicConfig(v1alpha1.ProfileServerless, "max.message.bytes", "8388608"),
		"MTLS": func(cc *v1alpha1.ChatCluster) {
			cc.Spec.MSK.Authentication = v1alpha1.KafkaAuthentication{Type: v1alpha1.AuthenticationMTLS, MTLS: &v1alpha1.KafkaMTLS{SecretName: "tls"}}
			cc.Spec.MSK.CASecret.Name, cc.Spec.MSK.ACLPrincipals = "ca", []string{"User:CN=chatd"}
		},
		"IAM": func(cc *v1alpha1.ChatCluster) {
			cc.Spec.AWS.AssumeRoleARN = "arn:aws:iam::111122223333:role/team/chat"
			cc.Spec.MSK.Authentication.Type = v1alpha1.AuthenticationIAM
			cc.Spec.Aurora.Authentication, cc.Spec.Aurora.PasswordSecret = v1alpha1.AuthenticationIAM, v1alpha1.SecretKey{}
			cc.Spec.Aurora.SSLMode, cc.Spec.Aurora.CASecret.Name = "verify-full", "rds"
			e := &cc.Spec.ElastiCache
			e.Authentication, e.Username, e.CacheName, e.Serverless, e.ClusterMode = v1alpha1.AuthenticationIAM, "chatd", "cache-1", true, true
		},
		"Tables": func(cc *v1alpha1.ChatCluster) {
			cc.Spec.DynamoDB.KMSKeyARN = "arn:aws:kms:eu-central-1:111122223333:key/1234-abcd"
			cc.Spec.DynamoDB.Billing.OnDemand = v1alpha1.OnDemandLimits{MaxReadUnits: ptr.To[int64](1000), MaxWriteUnits: ptr.To[int64](1000)}
		},
		"WebClient": func(cc *v1alpha1.ChatCluster) { cc.Spec.Gateway.WebClient = v1alpha1.WebClientEnabled }, // people paste tokens
		"SignIn": signIn(func(i *v1alpha1.Issuer, w *v1alpha1.IssuerWebClient) {
			i.Issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab1.c~d"
			w.Scopes, w.Token = []string{"openid", "profile", "https://chat.example.com/messages.read"}, v1alpha1.TokenID
			w.Origins = []string{"https://acme.auth.us-east-1.amazoncognito.com", "http://127.0.0.1:18082"}
		}),
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			cc := w.cluster(nil)
			change(cc)
			if err := admin.Create(t.Context(), cc, client.DryRunAll, client.FieldValidation("Strict")); err != nil {
				t.Error(err)
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
		s.AWS.AssumeRoleARN = "arn:aws:iam::111122223333:role/chat"
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
		"Account":       {"tables would be left", func(s *v1alpha1.ChatClusterSpec) { s.AWS.AssumeRoleARN = "arn:aws:iam::444455556666:role/chat" }, "cannot move to another account"},
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
