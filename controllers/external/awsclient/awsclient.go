package awsclient

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"
	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/controllers/external/pool"
)

// Access is how a ChatCluster reaches a service. It is comparable: equal ones share a client.
type Access struct {
	Region string
	// Endpoint replaces the Region's own, empty for that.
	Endpoint string
	// Credentials are used instead of the default chain, zero for that.
	Credentials Static
}

const (
	callsPerSecond = 20
	callsBurst     = 40
	// idle is how long an unused client is kept: much longer than any reconcile takes.
	idle = 15 * time.Minute
)

// account is what a rate limit is shared by.
type account struct {
	region      string
	credentials Static
}

// Clients keeps SDK clients of one service by how they are reached.
type Clients[T any] struct {
	*pool.Pool[Access, T]
}

// Factory makes Clients that share credentials and rate limits.
type Factory struct {
	base    aws.Config
	configs *pool.Pool[account, aws.Config]
}

// NewFactory loads the default chain once. It reads the process's environment, as the AWS SDK does.
func NewFactory(ctx context.Context) (*Factory, error) {
	base, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	// The SDK's own log goes past the operator's, unstructured. What matters in it comes back as an error.
	base.Logger = logging.Nop{}
	f := &Factory{base: base}
	f.configs = pool.New(idle, f.config, nil)
	return f, nil
}

func (f *Factory) config(a account) (aws.Config, error) {
	cfg := f.base.Copy()
	cfg.Region = a.region
	if a.credentials != (Static{}) {
		cfg.Credentials = credentials.NewStaticCredentialsProvider(a.credentials.AccessKeyID, a.credentials.SecretAccessKey, a.credentials.SessionToken)
	}
	cfg.HTTPClient = &limited{
		client:  awshttp.NewBuildableClient().WithTimeout(10 * time.Second),
		limiter: rate.NewLimiter(callsPerSecond, callsBurst),
	}
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 3
			o.MaxBackoff = 2 * time.Second
		})
	}
	return cfg, nil
}

// New returns clients of one service: create makes one from a configuration and an endpoint, which is nil for the Region's own.
func New[T any](f *Factory, create func(cfg aws.Config, endpoint *string) T) Clients[T] {
	return Clients[T]{pool.New(idle, func(a Access) (T, error) {
		cfg, err := f.configs.Get(account{a.Region, a.Credentials})
		if err != nil {
			var zero T
			return zero, err
		}
		var endpoint *string
		if a.Endpoint != "" {
			endpoint = aws.String(a.Endpoint)
		}
		return create(cfg, endpoint), nil
	}, nil)}
}

// limited waits for its turn before each request, retries included.
type limited struct {
	client  aws.HTTPClient
	limiter *rate.Limiter
}

// Do waits no longer than the request's context lasts.
func (l *limited) Do(r *http.Request) (*http.Response, error) {
	if err := l.limiter.Wait(r.Context()); err != nil {
		return nil, err
	}
	return l.client.Do(r)
}
