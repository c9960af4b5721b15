package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Duration is written as a string such as "30s".
type Duration = metav1.Duration

// Config is the whole file.
type Config struct {
	// Cluster is the namespace and name of the ChatCluster, for logs and client ids.
	Cluster  string   `json:"cluster"`
	AWS      AWS      `json:"aws"`
	Auth     Auth     `json:"auth"`
	DynamoDB DynamoDB `json:"dynamoDB"`
	Kafka    Kafka    `json:"kafka"`
	Postgres Postgres `json:"postgres"`
	Redis    Redis    `json:"redis"`
	Push     Push     `json:"push"`
	Gateway  Gateway  `json:"gateway"`
	Chat     Chat     `json:"chat"`
	// Audit is left out where the audit log is exported by hand.
	Audit Audit `json:"audit,omitzero"`
	// Analytics is left out where the defaults do.
	Analytics Analytics `json:"analytics,omitzero"`
	// Processors is left out where no detector runs.
	Processors Processors `json:"processors,omitzero"`
	// Admin is left out where it has nothing to say.
	Admin Admin `json:"admin,omitzero"`
	// Telemetry is left out where nothing is traced.
	Telemetry Telemetry `json:"telemetry,omitzero"`
}

// Telemetry says where traces go.
type Telemetry struct {
	// OTLPEndpoint is the URL of an OpenTelemetry collector over gRPC, such as http://collector:4317. Empty: no traces.
	OTLPEndpoint string `json:"otlpEndpoint,omitempty"`
	// SampleRatio is the share of clients' requests that are traced, 0 to 1.
	SampleRatio float64 `json:"sampleRatio,omitempty"`
}

// AWS is where the AWS services are.
type AWS struct {
	Region string `json:"region"`
	// Endpoints replace the Region's own, by service.
	Endpoints Endpoints `json:"endpoints,omitzero"`
	// AssumeRoleARN is the role that every call to AWS is made in, with ExternalID; empty: the pod's own identity.
	AssumeRoleARN string `json:"assumeRoleARN,omitempty"`
	ExternalID    string `json:"externalID,omitempty"`
}

// Endpoints are base URLs.
type Endpoints struct {
	DynamoDB string `json:"dynamoDB,omitempty"`
	Pinpoint string `json:"pinpoint,omitempty"`
	S3       string `json:"s3,omitempty"`
}

// Auth says whose tokens are accepted.
type Auth struct {
	Issuers []Issuer `json:"issuers"`
	// Tenants is left out where their keys are fetched over https and from public addresses alone.
	Tenants TenantAuth `json:"tenants,omitzero"`
}

// TenantAuth is what tenants that have a record, and stand in no configuration, may do.
type TenantAuth struct {
	// AllowHTTP has their keys fetched over plain HTTP, too; AllowPrivate from any address.
	AllowHTTP    bool `json:"allowHTTP,omitempty"`
	AllowPrivate bool `json:"allowPrivate,omitempty"`
}

// Issuer speaks for one tenant.
type Issuer struct {
	Tenant   string `json:"tenant"`
	Issuer   string `json:"issuer"`
	Audience string `json:"audience"`
	// JWKSURL is where the issuer's keys are.
	JWKSURL string `json:"jwksURL"`
	// SignIn is left out where the web client signs nobody in at this issuer.
	SignIn SignIn `json:"signIn,omitzero"`
}

// SignIn is the web client as an OpenID provider knows it: a public client, without a secret.
type SignIn struct {
	ClientID string   `json:"clientID"`
	Scopes   []string `json:"scopes,omitempty"`
	// IDToken has the gateway be shown the ID token in place of the access token.
	IDToken bool `json:"idToken,omitempty"`
	// Origins are those that a sign-in talks to, beside the issuer's own.
	Origins []string `json:"origins,omitempty"`
}

// DynamoDB is where the tables are.
type DynamoDB struct {
	TablePrefix string `json:"tablePrefix"`
	// HotRetention is how long messages stay in DynamoDB, at least 24h.
	HotRetention Duration `json:"hotRetention"`
}

// Kafka is where the topics are.
type Kafka struct {
	Brokers     []string `json:"brokers"`
	TLS         bool     `json:"tls,omitempty"`
	TopicPrefix string   `json:"topicPrefix"`
	// CAFile holds the authorities of the brokers' certificates; empty: the public ones.
	CAFile string `json:"caFile,omitempty"`
	// CertFile and KeyFile are shown to the brokers; empty: none are.
	CertFile string `json:"certFile,omitempty"`
	KeyFile  string `json:"keyFile,omitempty"`
	// Mechanism is AWS_MSK_IAM, SCRAM-SHA-512 or SCRAM-SHA-256; empty: no login. User and PasswordFile are SCRAM's.
	Mechanism    string `json:"mechanism,omitempty"`
	User         string `json:"user,omitempty"`
	PasswordFile string `json:"passwordFile,omitempty"`

	// AWS is who MSK is told one is. It is not in the file: whoever reads that sets it.
	AWS aws.CredentialsProvider `json:"-"`
}

// Postgres is the read model's database.
type Postgres struct {
	Host string `json:"host"`
	// ReaderHost serves inbox and history reads; empty means Host.
	ReaderHost   string `json:"readerHost,omitempty"`
	Port         int    `json:"port"`
	Database     string `json:"database"`
	User         string `json:"user"`
	PasswordFile string `json:"passwordFile,omitempty"`
	// IAM says that tokens take the password's place.
	IAM bool `json:"iam,omitempty"`
	// CAFile holds the authorities for verify-full; empty: the public ones.
	CAFile string `json:"caFile,omitempty"`
	// SSLMode is libpq's: disable, require, verify-full.
	SSLMode string `json:"sslMode"`
	// ReadRetention is how long the read model keeps entries, by whole months, at least dynamoDB.hotRetention; zero is for ever.
	ReadRetention Duration `json:"readRetention,omitzero"`

	// Token makes the password for a host where IAM is true. It is not in the file: whoever reads that sets it.
	Token func(ctx context.Context, host string) (string, error) `json:"-"`
}

// Redis is the cache.
type Redis struct {
	Addresses    []string `json:"addresses"`
	ClusterMode  bool     `json:"clusterMode,omitempty"`
	TLS          bool     `json:"tls,omitempty"`
	User         string   `json:"user,omitempty"`
	PasswordFile string   `json:"passwordFile,omitempty"`
	// IAM says that tokens for CacheName take the password's place.
	IAM        bool   `json:"iam,omitempty"`
	CacheName  string `json:"cacheName,omitempty"`
	Serverless bool   `json:"serverless,omitempty"`
	// CAFile holds the authorities of the cache's certificate; empty: the public ones.
	CAFile string `json:"caFile,omitempty"`
	// KeyPrefix keeps clusters that share a cache apart.
	KeyPrefix string `json:"keyPrefix"`

	// Token makes the password where IAM is true. It is not in the file: whoever reads that sets it.
	Token func(ctx context.Context) (string, error) `json:"-"`
}

// UsesIAM tells whether anything is logged in to with the pod's AWS identity, beside AWS itself.
func (c *Config) UsesIAM() bool {
	return c.Kafka.Mechanism == "AWS_MSK_IAM" || c.Postgres.IAM || c.Redis.IAM
}

// Push is how pushes are sent.
type Push struct {
	// ApplicationID is the Pinpoint application.
	ApplicationID string `json:"applicationID"`
	// Delay is how long a device has to confirm a message before it is pushed.
	Delay Duration `json:"delay"`
	// PerMinute is how many pushes a minute a user gets before they wait; 0 is the role's default.
	PerMinute int `json:"perMinute,omitempty"`
}

// Gateway is the gateway's part.
type Gateway struct {
	// DrainPeriod is over what time a stopping gateway closes its connections.
	DrainPeriod Duration `json:"drainPeriod"`
	// MaxConnections is how many connections a gateway takes.
	MaxConnections int `json:"maxConnections"`
	// AllowedOrigins are the web origins that may connect, besides clients that send none.
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// WebClient has the gateway serve the web client, whose pages may connect.
	WebClient bool `json:"webClient,omitempty"`
}

// Admin is the admin API's part.
type Admin struct {
	// AllowedOrigins are the web origins that may call, besides clients that send none.
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
}

// Chat is the chat service's part.
type Chat struct {
	// Service is the headless Service's host and port: its addresses are the ready chat pods.
	Service string `json:"service"`
	// Addresses are the chat pods' IP addresses where no DNS has them; empty: the Service's host is looked up.
	Addresses []string `json:"addresses,omitempty"`
	// TLS is how gateways and chat pods make sure of each other. Left out: they talk in the clear.
	TLS MutualTLS `json:"tls,omitzero"`
}

// MutualTLS names files, which are read again at every handshake, and the DNS names that certificates must carry.
type MutualTLS struct {
	// CertFile and KeyFile are this process's own certificate and its key.
	CertFile string `json:"certFile"`
	KeyFile  string `json:"keyFile"`
	// CAFile holds the CAs that the other side's certificate may be signed by.
	CAFile string `json:"caFile"`
	// ChatName is in chat pods' certificates, GatewayName in gateways'.
	ChatName    string `json:"chatName"`
	GatewayName string `json:"gatewayName"`
}

// Enabled tells whether there is any.
func (m MutualTLS) Enabled() bool { return m != MutualTLS{} }

// Audit says where the audit log is exported to.
type Audit struct {
	// ExportTo is s3://bucket/prefix, a bucket with Object Lock, or file:///folder. Empty: nowhere.
	ExportTo string `json:"exportTo,omitempty"`
	// ExportEvery is how often; zero is the role's default.
	ExportEvery Duration `json:"exportEvery,omitzero"`
	// RetainFor is how long objects in a bucket are locked.
	RetainFor Duration `json:"retainFor,omitzero"`
	// Governance has the lock be of the kind that a permission of its own lifts.
	Governance bool `json:"governance,omitempty"`
	// SigningKeyFile holds the Ed25519 key (PKCS #8, PEM) that signs exports; it is read for each. Empty: they are not signed.
	SigningKeyFile string `json:"signingKeyFile,omitempty"`
}

// Analytics is the rollups' part.
type Analytics struct {
	// MinuteRetention is how long rollups by minute are kept; zero is the role's default.
	MinuteRetention Duration `json:"minuteRetention,omitzero"`
}

// Parse reads a file's content. Every problem is reported, not only the first, and a field that is not known is one.
func Parse(data []byte) (*Config, error) {
	var c Config
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		return nil, fmt.Errorf("parse configuration: %w", err)
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &c, nil
}

// Load reads the file at path. unknown lists the fields in it that this version does not know, by name: a newer operator wrote them, and
// an image that is rolled back has to run all the same.
func Load(path string) (c *Config, unknown []string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	// A field that stands twice is a mistake whoever wrote it.
	plain, err := yaml.YAMLToJSONStrict(data)
	c = &Config{}
	if err == nil {
		err = yaml.Unmarshal(data, c)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("parse configuration: %w", err)
	}
	// What else is wrong there has been said above.
	strict, _ := json.UnmarshalStrict(plain, &Config{})
	for _, one := range strict {
		unknown = append(unknown, one.Error())
	}
	if err := c.validate(); err != nil {
		return nil, unknown, err
	}
	return c, unknown, nil
}

func (c *Config) validate() error {
	var errs []error
	need := func(ok bool, field, what string) {
		if !ok {
			errs = append(errs, fmt.Errorf("configuration: %s %s", field, what))
		}
	}
	need(c.Cluster != "", "cluster", "is empty")
	need(c.AWS.Region != "", "aws.region", "is empty")
	need(len(c.Auth.Issuers) > 0, "auth.issuers", "is empty: nobody could connect")
	for i, is := range c.Auth.Issuers {
		at := fmt.Sprintf("auth.issuers[%d]", i)
		need(is.Tenant != "" && is.Issuer != "" && is.Audience != "" && is.JWKSURL != "", at, "needs tenant, issuer, audience and jwksURL")
	}
	need(c.DynamoDB.TablePrefix != "", "dynamoDB.tablePrefix", "is empty")
	need(c.DynamoDB.HotRetention.Duration >= 24*time.Hour, "dynamoDB.hotRetention", "is below 24h")
	need(len(c.Kafka.Brokers) > 0, "kafka.brokers", "is empty")
	need(c.Kafka.TopicPrefix != "", "kafka.topicPrefix", "is empty")
	need(c.Postgres.Host != "" && c.Postgres.Port > 0 && c.Postgres.Database != "" && c.Postgres.User != "", "postgres", "needs host, port, database and user")
	need(c.Postgres.ReadRetention.Duration == 0 || c.Postgres.ReadRetention.Duration >= c.DynamoDB.HotRetention.Duration,
		"postgres.readRetention", "is below dynamoDB.hotRetention: what left the hot store would be nowhere")
	need(c.Postgres.IAM || c.Postgres.PasswordFile != "", "postgres", "needs passwordFile or iam")
	need(!c.Redis.IAM || c.Redis.User != "" && c.Redis.CacheName != "" && c.Redis.TLS, "redis.iam", "needs user, cacheName and tls")
	need((c.Kafka.CertFile == "") == (c.Kafka.KeyFile == ""), "kafka", "needs both certFile and keyFile, or neither")
	need(len(c.Redis.Addresses) > 0, "redis.addresses", "is empty")
	need(c.Redis.KeyPrefix != "", "redis.keyPrefix", "is empty")
	need(c.Push.Delay.Duration > 0, "push.delay", "is not positive")
	need(c.Gateway.DrainPeriod.Duration > 0, "gateway.drainPeriod", "is not positive")
	need(c.Gateway.MaxConnections > 0, "gateway.maxConnections", "is not positive")
	need(c.Chat.Service != "", "chat.service", "is empty")
	tls := c.Chat.TLS
	need(!tls.Enabled() || tls.CertFile != "" && tls.KeyFile != "" && tls.CAFile != "" && tls.ChatName != "" && tls.GatewayName != "",
		"chat.tls", "needs certFile, keyFile, caFile, chatName and gatewayName")
	need(!strings.HasPrefix(c.Audit.ExportTo, "s3:") || c.Audit.RetainFor.Duration > 0, "audit.retainFor", "is not positive: objects in a bucket are locked for a time")
	errs = append(errs, c.Processors.validate()...)
	need(c.Telemetry.SampleRatio >= 0 && c.Telemetry.SampleRatio <= 1, "telemetry.sampleRatio", "is not between 0 and 1")
	return errors.Join(errs...)
}

// ReadSecret returns the content of a secret's file without its trailing newline. An empty path is an empty secret.
func ReadSecret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
