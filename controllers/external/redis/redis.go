package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	goredis "github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/pool"
	"github.com/chatcluster/chatcluster/runtime/dial"
)

const (
	// minMajor is the oldest version that chatd works with: it logs in as a user.
	minMajor = 6
	// maxIAMLifetime is well within the 12 hours after which ElastiCache drops a connection that logged in with a token.
	maxIAMLifetime = 10 * time.Hour
)

// Access is how a cache is reached. It is comparable: equal ones share a client.
type Access struct {
	addresses   string
	ClusterMode bool
	TLS         bool
	Username    string
	Password    string
	// CA is PEM; empty: the public authorities.
	CA string
	// CacheName makes IAM's tokens for that cache take the password's place; AWS is who one is.
	CacheName  string
	Serverless bool
	AWS        awsclient.Access
}

// NewAccess returns the access to the cache at addresses, in any order.
func NewAccess(addresses []string, clusterMode, tls bool, username, password string) Access {
	sorted := slices.Clone(addresses)
	slices.Sort(sorted)
	return Access{addresses: strings.Join(sorted, ","), ClusterMode: clusterMode, TLS: tls, Username: username, Password: password}
}

// Info is what a cache says of itself.
type Info struct {
	Version     string
	ClusterMode bool
}

// Cache is what is asked of a cache.
type Cache interface {
	// Observe returns an error when the cache does not answer or is not as the access says: sharded, or a version that
	// chatd works with. What it says of itself is returned as far as it is known.
	Observe(ctx context.Context) (Info, error)
}

// Identity finds who one is on AWS.
type Identity func(awsclient.Access) (aws.CredentialsProvider, error)

// Clients keeps connections to caches.
type Clients struct {
	pool *pool.Pool[Access, *client]
}

// NewClients returns no connections yet. Close them at the end. identity is asked where a cache uses IAM.
func NewClients(identity Identity) *Clients {
	return &Clients{pool.New(10*time.Minute, func(a Access) (*client, error) { return newClient(a, identity) }, func(c *client) { _ = c.UniversalClient.Close() })}
}

// Get returns the client for a cache. It does not connect yet.
func (c *Clients) Get(a Access) (Cache, error) { return c.pool.Get(a) }

// Close ends all connections.
func (c *Clients) Close() { c.pool.Close() }

type client struct {
	goredis.UniversalClient
	clusterMode bool
}

func newClient(a Access, identity Identity) (*client, error) {
	o := &goredis.UniversalOptions{
		Addrs:         strings.Split(a.addresses, ","),
		IsClusterMode: a.ClusterMode,
		ClientName:    "chatcluster-operator",
		Username:      a.Username,
		Password:      a.Password,
		DialTimeout:   2 * time.Second,
		ReadTimeout:   2 * time.Second,
		WriteTimeout:  2 * time.Second,
		MaxRetries:    -1,
		PoolSize:      2,
	}
	if !a.ClusterMode {
		o.Addrs = o.Addrs[:1]
	}
	if a.TLS {
		o.Dialer = dial.TLS{CA: dial.Value(a.CA)}.Dialer(o.DialTimeout)
	}
	if a.CacheName != "" {
		who, err := identity(a.AWS)
		if err != nil {
			return nil, fault.AWS("Redis", "find AWS credentials", err)
		}
		tokens := dial.Identity{AWS: who, Region: a.AWS.Region}
		o.ConnMaxLifetime = maxIAMLifetime
		o.CredentialsProviderContext = func(ctx context.Context) (string, string, error) {
			token, err := tokens.Redis(ctx, a.CacheName, a.Username, a.Serverless)
			return a.Username, token, err
		}
	}
	return &client{goredis.NewUniversalClient(o), a.ClusterMode}, nil
}

// Observe implements Cache.
func (c *client) Observe(ctx context.Context) (Info, error) {
	if err := c.Ping(ctx).Err(); err != nil {
		return Info{}, c.classify(err)
	}
	text, err := c.Info(ctx).Result()
	var answer goredis.Error
	if errors.As(err, &answer) && strings.HasPrefix(answer.Error(), "NOPERM") {
		return Info{}, nil
	}
	if err != nil {
		return Info{}, c.classify(err)
	}
	return c.examine(text)
}

// examine compares what the cache says of itself with what chatd needs. A managed cache may not say; what it does not say is
// not held against it.
func (c *client) examine(text string) (Info, error) {
	said := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			said[k] = v
		}
	}
	info := Info{Version: said["redis_version"], ClusterMode: said["cluster_enabled"] == "1"}
	if v := said["valkey_version"]; v != "" {
		info.Version = v
	}
	major, _, _ := strings.Cut(info.Version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < minMajor {
		return info, fault.Terminal(v1alpha1.ReasonInvalid, "Redis: version %s is too old: chatd needs %d.0", info.Version, minMajor)
	}
	if _, says := said["cluster_enabled"]; says && info.ClusterMode != c.clusterMode {
		if info.ClusterMode {
			return info, fault.Terminal(v1alpha1.ReasonMismatch, "Redis: the cache is sharded: set elastiCache.clusterMode")
		}
		return info, fault.Terminal(v1alpha1.ReasonMismatch, "Redis: the cache is not sharded: remove elastiCache.clusterMode")
	}
	return info, nil
}

func (c *client) classify(err error) error {
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &record):
		return fault.Terminal(v1alpha1.ReasonMismatch, "Redis: the cache does not speak TLS: set elastiCache.tls to false, or turn on encryption in transit")
	case errors.As(err, &unknown):
		return fault.Terminal(v1alpha1.ReasonAccessDenied, "Redis: the cache's certificate comes from an unknown authority: name it in elastiCache.caSecret")
	case errors.As(err, &name):
		return fault.Terminal(v1alpha1.ReasonMismatch, "Redis: %s", fault.Message(err))
	case errors.Is(err, io.EOF):
		return fault.Transient(v1alpha1.ReasonUnreachable, "Redis: the cache closed the connection, as one does that is spoken to with TLS and has none, or the other way round: see elastiCache.tls")
	}
	if answer := goredis.Error(nil); c.clusterMode && errors.As(err, &answer) && strings.Contains(answer.Error(), "cluster support disabled") {
		return fault.Terminal(v1alpha1.ReasonMismatch, "Redis: the cache is not sharded: remove elastiCache.clusterMode")
	}
	if e := fault.Network("Redis", err); e != nil {
		return e
	}
	var answer goredis.Error
	if errors.As(err, &answer) {
		for _, code := range []string{"NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "ERR invalid password"} {
			if strings.HasPrefix(answer.Error(), code) {
				return fault.Terminal(v1alpha1.ReasonAccessDenied, "Redis: %s", fault.Message(answer))
			}
		}
	}
	return fault.Transient(v1alpha1.ReasonUnreachable, "Redis: %s", fault.Message(err))
}
