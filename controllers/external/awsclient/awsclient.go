package awsclient

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
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
	// Role is assumed with ExternalID by those credentials, or by the default chain; empty for none.
	Role, ExternalID string
}

// sessionName names the operator in the other account's logs.
const sessionName = "chatcluster-operator"

const (
	callsPerSecond = 20
	callsBurst     = 40
	// idle is how long an unused client is kept: much longer than any reconcile takes.
	idle = 15 * time.Minute
)

// identity is what credentials are shared by.
type identity struct {
	region      string
	credentials Static
	role        string
	externalID  string
}

// account is what a rate limit is shared by: AWS counts by account and Region. A role names its account; what is not known to
// be of one account counts apart.
type account struct {
	region      string
	credentials Static
	account     string
}

func (i identity) account() account {
	if i.role == "" {
		return account{region: i.region, credentials: i.credentials}
	}
	number := i.role
	if parts := strings.SplitN(i.role, ":", 6); len(parts) == 6 {
		number = parts[4]
	}
	return account{region: i.region, account: number}
}

// Clients keeps SDK clients of one service by how they are reached.
type Clients[T any] struct {
	*pool.Pool[Access, T]
}

// Factory makes Clients that share credentials and rate limits.
type Factory struct {
	base     aws.Config
	configs  *pool.Pool[identity, aws.Config]
	limiters *pool.Pool[account, *rate.Limiter]
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
	f.limiters = pool.New(idle, func(account) (*rate.Limiter, error) { return rate.NewLimiter(callsPerSecond, callsBurst), nil }, nil)
	return f, nil
}

func (f *Factory) config(i identity) (aws.Config, error) {
	limiter, err := f.limiters.Get(i.account())
	if err != nil {
		return aws.Config{}, err
	}
	cfg := f.base.Copy()
	cfg.Region = i.region
	if i.credentials != (Static{}) {
		cfg.Credentials = credentials.NewStaticCredentialsProvider(i.credentials.AccessKeyID, i.credentials.SecretAccessKey, i.credentials.SessionToken)
	}
	cfg.HTTPClient = &limited{client: awshttp.NewBuildableClient().WithTimeout(10 * time.Second), limiter: limiter}
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 3
			o.MaxBackoff = 2 * time.Second
		})
	}
	if i.role != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), i.role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName, o.ExternalID = sessionName, aws.String(i.externalID)
		}))
	}
	return cfg, nil
}

// Identity is who one is with an access, for services that are logged in to with it.
func (f *Factory) Identity(a Access) (aws.CredentialsProvider, error) {
	cfg, err := f.configs.Get(a.identity())
	return cfg.Credentials, err
}

func (a Access) identity() identity { return identity{a.Region, a.Credentials, a.Role, a.ExternalID} }

// New returns clients of one service: create makes one from a configuration and an endpoint, which is nil for the Region's own.
func New[T any](f *Factory, create func(cfg aws.Config, endpoint *string) T) Clients[T] {
	return Clients[T]{pool.New(idle, func(a Access) (T, error) {
		cfg, err := f.configs.Get(a.identity())
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
