package cache

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/config"
)

const (
	dialTimeout = 2 * time.Second
	maxRetries  = 2
)

// Connect returns the cache of the configuration. It dials nothing yet: Ping says whether Redis is there. The password file
// is read at each new connection, so a rotated password needs no restart.
func Connect(cfg config.Redis) (*Cache, error) {
	if len(cfg.Addresses) > 1 && !cfg.ClusterMode {
		return nil, errors.New("redis: several addresses are those of a cluster: set clusterMode")
	}
	o := &redis.UniversalOptions{
		Addrs:       cfg.Addresses,
		DialTimeout: dialTimeout, ReadTimeout: opTimeout, WriteTimeout: opTimeout, PoolTimeout: opTimeout,
		MaxRetries:            maxRetries,
		ContextTimeoutEnabled: true,
	}
	if cfg.TLS {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.User != "" || cfg.PasswordFile != "" {
		o.CredentialsProviderContext = func(context.Context) (string, string, error) {
			password, err := config.ReadSecret(cfg.PasswordFile)
			return cfg.User, password, err
		}
	}
	var client redis.UniversalClient
	if cfg.ClusterMode {
		client = redis.NewClusterClient(o.Cluster())
	} else {
		client = redis.NewClient(o.Simple())
	}
	return New(client, Options{KeyPrefix: cfg.KeyPrefix}), nil
}
