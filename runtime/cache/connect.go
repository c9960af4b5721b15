package cache

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dial"
)

const (
	dialTimeout = 2 * time.Second
	maxRetries  = 2
	// maxIAMLifetime is well within the 12 hours after which ElastiCache drops a connection that logged in with a token.
	maxIAMLifetime = 10 * time.Hour
)

// Connect returns the cache of the configuration. It dials nothing yet: Ping says whether Redis is there.
func Connect(cfg config.Redis) (*Cache, error) {
	client, err := Client(cfg)
	if err != nil {
		return nil, err
	}
	return New(client, Options{KeyPrefix: cfg.KeyPrefix}), nil
}

// Client returns a client of the configuration's Redis, for whoever keeps other things there. It dials nothing yet. Passwords, tokens and
// authorities are read at each new connection, so what is rotated needs no restart.
func Client(cfg config.Redis) (redis.UniversalClient, error) {
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
		o.Dialer = dial.TLS{CA: dial.File(cfg.CAFile)}.Dialer(dialTimeout)
	}
	switch {
	case cfg.IAM && cfg.Token == nil:
		return nil, errors.New("redis: IAM needs AWS credentials")
	case cfg.IAM:
		o.ConnMaxLifetime = maxIAMLifetime
		o.CredentialsProviderContext = func(ctx context.Context) (string, string, error) {
			token, err := cfg.Token(ctx)
			return cfg.User, token, err
		}
	case cfg.User != "" || cfg.PasswordFile != "":
		o.CredentialsProviderContext = func(context.Context) (string, string, error) {
			password, err := config.ReadSecret(cfg.PasswordFile)
			return cfg.User, password, err
		}
	}
	if cfg.ClusterMode {
		return redis.NewClusterClient(o.Cluster()), nil
	}
	return redis.NewClient(o.Simple()), nil
}
