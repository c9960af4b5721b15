package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/pool"
	"github.com/chatcluster/chatcluster/runtime/dial"
)

// Access is how a Kafka cluster is reached. It is comparable: equal ones share a client.
type Access struct {
	brokers string
	TLS     bool
	// CA, Cert and Key are PEM; empty: the public authorities, and no certificate of one's own.
	CA, Cert, Key string
	// Mechanism is SASL's, empty for none. User and Password are SCRAM's, AWS is IAM's.
	Mechanism, User, Password string
	AWS                       awsclient.Access
}

// NewAccess returns the access through brokers, in any order.
func NewAccess(brokers []string, tls bool) Access {
	sorted := slices.Clone(brokers)
	slices.Sort(sorted)
	return Access{brokers: strings.Join(sorted, ","), TLS: tls}
}

// Identity finds who one is on AWS.
type Identity func(awsclient.Access) (aws.CredentialsProvider, error)

// Clients keeps connections to Kafka clusters.
type Clients struct {
	pool *pool.Pool[Access, *Client]
}

// NewClients returns no connections yet. Close them at the end. identity is asked where a cluster uses IAM.
func NewClients(identity Identity) *Clients {
	return &Clients{pool.New(10*time.Minute, func(a Access) (*Client, error) { return newClient(a, identity) }, func(c *Client) { c.client.Close() })}
}

// Get returns the client for a Kafka cluster. It does not connect yet.
func (c *Clients) Get(a Access) (Admin, error) { return c.pool.Get(a) }

// Close ends all connections.
func (c *Clients) Close() { c.pool.Close() }

// Client is an Admin that asks a Kafka cluster.
type Client struct {
	client *kgo.Client
	admin  *kadm.Client
}

var _ Admin = (*Client)(nil)

func newClient(a Access, identity Identity) (*Client, error) {
	login := dial.Kafka{Mechanism: a.Mechanism, User: a.User, Password: dial.Value(a.Password), Timeout: 5 * time.Second}
	if a.TLS {
		login.TLS = &dial.TLS{CA: dial.Value(a.CA), Cert: dial.Value(a.Cert), Key: dial.Value(a.Key)}
	}
	if a.Mechanism == dial.MSKIAM {
		var err error
		if login.AWS, err = identity(a.AWS); err != nil {
			return nil, fault.AWS("Kafka", "find AWS credentials", err)
		}
	}
	opts, err := login.Options()
	if err != nil {
		return nil, fault.Terminal(v1alpha1.ReasonInvalid, "Kafka: %s", err)
	}
	opts = append(opts,
		kgo.SeedBrokers(strings.Split(a.brokers, ",")...),
		kgo.ClientID("chatcluster-operator"),
		kgo.RequestRetries(3),
		kgo.RetryTimeout(10*time.Second),
	)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fault.Terminal(v1alpha1.ReasonInvalid, "Kafka: %s", err)
	}
	admin := kadm.NewClient(client)
	admin.SetTimeoutMillis(10_000)
	return &Client{client: client, admin: admin}, nil
}

// Topics implements Admin.
func (c *Client) Topics(ctx context.Context, names ...string) (map[string]Topic, error) {
	// The authorized operations are not wanted: asking for them is what makes kadm ask the brokers and not its cache, which
	// would hide a topic for seconds after it was created.
	details, err := c.admin.ListTopics(kadm.WithAuthorizedOps(ctx), names...)
	if err != nil {
		return nil, err
	}
	found := map[string]Topic{}
	var existing []string
	for _, d := range details {
		if errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			continue
		}
		if d.Err != nil {
			return nil, d.Err
		}
		existing = append(existing, d.Topic)
		found[d.Topic] = Topic{Partitions: int32(len(d.Partitions)), Configs: map[string]string{}}
	}
	if len(existing) == 0 {
		return found, nil
	}
	configs, err := c.admin.DescribeTopicConfigs(ctx, existing...)
	if err != nil {
		return nil, err
	}
	for _, r := range configs {
		if errors.Is(r.Err, kerr.UnknownTopicOrPartition) {
			delete(found, r.Name)
			continue
		}
		if r.Err != nil {
			return nil, r.Err
		}
		for _, kv := range r.Configs {
			if !kv.Sensitive && kv.Value != nil {
				found[r.Name].Configs[kv.Key] = *kv.Value
			}
		}
	}
	return found, nil
}

// Create implements Admin.
func (c *Client) Create(ctx context.Context, name string, partitions int32, replication int16, configs map[string]string) error {
	values := make(map[string]*string, len(configs))
	for k, v := range configs {
		values[k] = &v
	}
	r, err := c.admin.CreateTopic(ctx, partitions, replication, values, name)
	return except(kerr.TopicAlreadyExists, explain(firstError(r.Err, err), r.ErrMessage))
}

// Grow implements Admin.
func (c *Client) Grow(ctx context.Context, name string, partitions int32) error {
	all, err := c.admin.UpdatePartitions(ctx, int(partitions), name)
	if err != nil {
		return err
	}
	r, err := all.On(name, nil)
	return explain(firstError(r.Err, err), r.ErrMessage)
}

// Configure implements Admin.
func (c *Client) Configure(ctx context.Context, name string, configs map[string]string) error {
	alter := make([]kadm.AlterConfig, 0, len(configs))
	for k, v := range configs {
		alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: k, Value: &v})
	}
	all, err := c.admin.AlterTopicConfigs(ctx, alter, name)
	if err != nil {
		return err
	}
	r, err := all.On(name, nil)
	return explain(firstError(r.Err, err), r.ErrMessage)
}

// Delete implements Admin.
func (c *Client) Delete(ctx context.Context, names ...string) error {
	all, err := c.admin.DeleteTopics(ctx, names...)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range all {
		errs = append(errs, except(kerr.UnknownTopicOrPartition, explain(r.Err, r.ErrMessage)))
	}
	return errors.Join(errs...)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func except(fine, err error) error {
	if errors.Is(err, fine) {
		return nil
	}
	return err
}

// explained adds the brokers' own words to an error's code.
type explained struct {
	error
	message string
}

func (e explained) Error() string { return e.error.Error() + ": " + e.message }
func (e explained) Unwrap() error { return e.error }

func explain(err error, message string) error {
	if err == nil || message == "" {
		return err
	}
	return explained{err, message}
}

func kafkaError(doing string, err error) error {
	message := "Kafka: " + doing + ": " + fault.Message(err)
	var denied = []error{kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.SaslAuthenticationFailed}
	var invalid = []error{kerr.InvalidReplicationFactor, kerr.InvalidPartitions, kerr.InvalidConfig, kerr.PolicyViolation, kerr.InvalidTopicException}
	is := func(target error) bool { return errors.Is(err, target) }
	switch {
	case slices.ContainsFunc(denied, is):
		return fault.Terminal(v1alpha1.ReasonAccessDenied, "%s", message)
	case slices.ContainsFunc(invalid, is):
		return fault.Terminal(v1alpha1.ReasonInvalid, "%s", message)
	}
	return fault.Transient(v1alpha1.ReasonError, "%s", message)
}
