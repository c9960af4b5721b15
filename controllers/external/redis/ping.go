package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/pool"
)

// Access is how a cache is reached. It is comparable: equal ones share a client.
type Access struct {
	addresses   string
	ClusterMode bool
	TLS         bool
	Username    string
	Password    string
}

// NewAccess returns the access to the cache at addresses, in any order.
func NewAccess(addresses []string, clusterMode, tls bool, username, password string) Access {
	sorted := slices.Clone(addresses)
	slices.Sort(sorted)
	return Access{strings.Join(sorted, ","), clusterMode, tls, username, password}
}

// Cache is what is asked of a cache.
type Cache interface {
	// Ping returns nil when the cache answers.
	Ping(ctx context.Context) error
}

// Clients keeps connections to caches.
type Clients struct {
	pool *pool.Pool[Access, *client]
}

// NewClients returns no connections yet. Close them at the end.
func NewClients() *Clients {
	return &Clients{pool.New(10*time.Minute, newClient, func(c *client) { _ = c.UniversalClient.Close() })}
}

// Get returns the client for a cache. It does not connect yet.
func (c *Clients) Get(a Access) (Cache, error) { return c.pool.Get(a) }

// Close ends all connections.
func (c *Clients) Close() { c.pool.Close() }

type client struct{ goredis.UniversalClient }

func newClient(a Access) (*client, error) {
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
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &client{goredis.NewUniversalClient(o)}, nil
}

// Ping implements Cache.
func (c *client) Ping(ctx context.Context) error {
	return classify(c.UniversalClient.Ping(ctx).Err())
}

func classify(err error) error {
	if err == nil {
		return nil
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
