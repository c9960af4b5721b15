package workload

import (
	"cmp"
	"fmt"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dial"
)

// ComponentConfig is the component of the ConfigMaps that roles read.
const ComponentConfig = "config"

// Config is the file that every role reads.
func (c Cluster) Config() config.Config {
	s := c.Spec
	issuers := make([]config.Issuer, 0, len(s.Auth.Issuers))
	for _, i := range s.Auth.Issuers {
		issuers = append(issuers, config.Issuer{
			Tenant: i.Tenant, Issuer: i.Issuer, Audience: i.Audience, JWKSURL: i.JWKSURL, SignIn: c.signIn(i.WebClient),
		})
	}
	return config.Config{
		Cluster: c.Namespace + "/" + c.Name,
		AWS: config.AWS{
			Region:    s.AWS.Region,
			Endpoints: config.Endpoints{DynamoDB: s.AWS.Endpoints.DynamoDB, Pinpoint: s.AWS.Endpoints.Pinpoint},

			AssumeRoleARN: s.AWS.AssumeRoleARN,
			ExternalID:    c.externalID(),
		},
		Auth: config.Auth{Issuers: issuers, Tenants: c.TenantAuth},
		DynamoDB: config.DynamoDB{
			TablePrefix:  s.DynamoDB.TablePrefix,
			HotRetention: *s.DynamoDB.HotRetention,
		},
		Kafka: kafka(s.MSK),
		Postgres: config.Postgres{
			Host:         s.Aurora.Host,
			ReaderHost:   s.Aurora.ReaderHost,
			Port:         int(*s.Aurora.Port),
			Database:     s.Aurora.Database,
			User:         s.Aurora.Username,
			PasswordFile: mounted(s.Aurora.PasswordSecret.Name, postgresPasswordFile),
			IAM:          s.Aurora.Authentication == v1alpha1.AuthenticationIAM,
			CAFile:       mounted(s.Aurora.CASecret.Name, postgresCAFile),
			SSLMode:      s.Aurora.SSLMode,
			// Zero is for ever.
			ReadRetention: *cmp.Or(s.Aurora.ReadRetention, &metav1.Duration{}),
		},
		Redis: config.Redis{
			Addresses:    s.ElastiCache.Addresses,
			ClusterMode:  s.ElastiCache.ClusterMode,
			TLS:          *s.ElastiCache.TLS,
			User:         s.ElastiCache.Username,
			PasswordFile: mounted(ptr.Deref(s.ElastiCache.PasswordSecret, v1alpha1.SecretKey{}).Name, redisPasswordFile),
			IAM:          s.ElastiCache.Authentication == v1alpha1.AuthenticationIAM,
			CacheName:    s.ElastiCache.CacheName,
			Serverless:   s.ElastiCache.Serverless,
			CAFile:       mounted(s.ElastiCache.CASecret.Name, redisCAFile),
			KeyPrefix:    c.Namespace + "." + c.Name + ":",
		},
		Push: config.Push{ApplicationID: c.ApplicationID, Delay: *s.Pinpoint.PushDelay},
		Gateway: config.Gateway{
			DrainPeriod:    *s.Gateway.DrainPeriod,
			MaxConnections: int(*s.Gateway.MaxConnections),
			AllowedOrigins: s.Gateway.AllowedOrigins,
			WebClient:      s.Gateway.WebClient == v1alpha1.WebClientEnabled,
		},
		Chat: config.Chat{
			Service: c.CertificateHost(RoleChat) + ":" + strconv.Itoa(chatPort),
			TLS:     c.chatTLS(),
		},
		Admin:      c.adminConfig(),
		Processors: c.detectors(),
		Audit:      c.audit(),
		Telemetry:  telemetry(s.Telemetry),
	}
}

// signIn is left out while no web client is served: a client id that nobody uses rolls no pod.
func (c Cluster) signIn(w *v1alpha1.IssuerWebClient) config.SignIn {
	if w == nil || c.Spec.Gateway.WebClient != v1alpha1.WebClientEnabled {
		return config.SignIn{}
	}
	return config.SignIn{ClientID: w.ClientID, Scopes: w.Scopes, IDToken: w.Token == v1alpha1.TokenID, Origins: w.Origins}
}

// externalID is what a role's trust policy asks for, so that a namespace cannot use another's role by naming it.
func (c Cluster) externalID() string {
	if c.Spec.AWS.AssumeRoleARN == "" {
		return ""
	}
	return c.ExternalID
}

// mounted is where a Secret's file is, empty for no Secret.
func mounted(secret, file string) string {
	if secret == "" {
		return ""
	}
	return secretsDir + "/" + file
}

func kafka(m v1alpha1.MSKSpec) config.Kafka {
	k := config.Kafka{
		Brokers: m.BootstrapServers, TLS: *m.TLS, TopicPrefix: m.TopicPrefix,
		CAFile: mounted(m.CASecret.Name, kafkaCAFile), Mechanism: Mechanism(m.Authentication),
	}
	if scram := m.Authentication.SCRAM; scram != nil {
		k.User, k.PasswordFile = scram.Username, mounted(scram.PasswordSecret.Name, kafkaPasswordFile)
	}
	if mtls := m.Authentication.MTLS; mtls != nil {
		k.CertFile, k.KeyFile = mounted(mtls.SecretName, kafkaCertFile), mounted(mtls.SecretName, kafkaKeyFile)
	}
	return k
}

// Mechanism is the SASL mechanism of an authentication, empty for none.
func Mechanism(a v1alpha1.KafkaAuthentication) string {
	switch {
	case a.Type == v1alpha1.AuthenticationIAM:
		return dial.MSKIAM
	case a.SCRAM != nil:
		return a.SCRAM.Mechanism
	}
	return ""
}

func (c Cluster) chatTLS() config.MutualTLS {
	if len(c.SecuredRoles()) == 0 {
		return config.MutualTLS{}
	}
	return config.MutualTLS{
		CertFile:    certificateDir + "/" + CertificateFile,
		KeyFile:     certificateDir + "/" + KeyFile,
		CAFile:      certificateDir + "/" + CAFile,
		ChatName:    c.CertificateHost(RoleChat),
		GatewayName: c.CertificateHost(RoleGateway),
	}
}

func telemetry(t v1alpha1.TelemetrySpec) config.Telemetry {
	if t.OTLPEndpoint == "" {
		return config.Telemetry{}
	}
	ratio, _ := strconv.ParseFloat(t.SampleRatio, 64) // the schema has checked its form
	return config.Telemetry{OTLPEndpoint: t.OTLPEndpoint, SampleRatio: ratio}
}

// ConfigMap holds the configuration under a name made from its content. It is immutable: a changed configuration is
// another ConfigMap, which makes the Deployments that mount it roll.
func (c Cluster) ConfigMap() (*corev1ac.ConfigMapApplyConfiguration, error) {
	data, err := yaml.Marshal(c.Config())
	if err != nil {
		return nil, fmt.Errorf("render configuration: %w", err)
	}
	h, err := hash(string(data))
	if err != nil {
		return nil, err
	}
	return c.configMap(c.ChildName("config-"+h), ComponentConfig, data), nil
}

func (c Cluster) configMap(name, component string, data []byte) *corev1ac.ConfigMapApplyConfiguration {
	return corev1ac.ConfigMap(name, c.Namespace).
		WithLabels(c.Labels(component)).
		WithOwnerReferences(c.owner()).
		WithImmutable(true).
		WithData(map[string]string{configFile: string(data)})
}

// seconds rounds up.
func seconds(d metav1.Duration) int64 { return int64((d.Duration + 999_999_999) / 1_000_000_000) }
