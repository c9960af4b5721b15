package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dial"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/figures"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel/inbox"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

// credentialsLife is how long credentials from a mounted file are used before the file is read again.
const credentialsLife = time.Minute

// awsConfig is the SDK's default chain (Pod Identity, IRSA, …), or the role that it may assume. Where AWS_SHARED_CREDENTIALS_FILE
// names a file, that is read again every minute: the SDK itself reads it once.
func awsConfig(ctx context.Context, c config.AWS) (aws.Config, error) {
	options := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(c.Region)}
	if path := os.Getenv("AWS_SHARED_CREDENTIALS_FILE"); path != "" {
		options = append(options, awsconfig.WithCredentialsProvider(aws.NewCredentialsCache(credentialsFile(path))))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("configure AWS: %w", err)
	}
	if c.AssumeRoleARN != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), c.AssumeRoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "chatd"
			if c.ExternalID != "" {
				o.ExternalID = aws.String(c.ExternalID)
			}
		}))
	}
	return cfg, nil
}

// logIn gives a configuration what IAM's logins are made with.
func logIn(c *config.Config, cfg aws.Config) {
	identity := dial.Identity{AWS: cfg.Credentials, Region: c.AWS.Region}
	postgres, redis := c.Postgres, c.Redis
	c.Kafka.AWS = cfg.Credentials
	c.Postgres.Token = func(ctx context.Context, host string) (string, error) {
		return identity.Postgres(ctx, host, postgres.Port, postgres.User)
	}
	c.Redis.Token = func(ctx context.Context) (string, error) {
		return identity.Redis(ctx, redis.CacheName, redis.User, redis.Serverless)
	}
}

func credentialsFile(path string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		profile, err := awsconfig.LoadSharedConfigProfile(ctx, "default", func(o *awsconfig.LoadSharedConfigOptions) {
			o.CredentialsFiles, o.ConfigFiles = []string{path}, []string{}
		})
		if err != nil {
			return aws.Credentials{}, fmt.Errorf("read AWS credentials: %w", err)
		}
		c := profile.Credentials
		c.CanExpire, c.Expires = true, time.Now().Add(credentialsLife)
		return c, nil
	})
}

// backends are what every role uses. None has been dialed yet; the cache is to be closed. Making them also gives the role's
// configuration what IAM's logins are made with, so they come before everything else.
type backends struct {
	aws   aws.Config
	store store.Store
	cache *cache.Cache
}

func (r role) backends(ctx context.Context) (backends, error) {
	if r.local != nil {
		redis, err := cache.Connect(r.cfg.Redis)
		return backends{aws: r.local.aws, store: r.local.store, cache: redis}, err
	}
	cfg, err := awsConfig(ctx, r.cfg.AWS)
	if err != nil {
		return backends{}, err
	}
	logIn(r.cfg, cfg)
	redis, err := cache.Connect(r.cfg.Redis)
	if err != nil {
		return backends{}, err
	}
	return backends{
		aws:   cfg,
		store: dynamo.New(dynamo.NewClient(cfg, r.cfg.AWS.Endpoints.DynamoDB), r.cfg.DynamoDB.TablePrefix),
		cache: redis,
	}, nil
}

// storeAnswers is a check that the store can be read. It asks for a conversation that nobody can have.
func storeAnswers(s store.Store) func(context.Context) error {
	return func(ctx context.Context) error {
		conv, err := store.NewConv("chatcluster.io", "readiness")
		if err != nil {
			return err
		}
		if _, err := s.Conversation(ctx, conv); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	}
}

func (r role) producer() (*eventlog.Producer, error) {
	return eventlog.NewProducer(r.cfg.Kafka, eventlog.ProducerOptions{ClientID: r.clientID()})
}

// closeProducer flushes what is on its way to Kafka. What it cannot is in the store: nothing depends on it.
func (r role) closeProducer(p *eventlog.Producer) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		r.log.WarnContext(ctx, "records were left when the producer closed", "error", err)
	}
}

// figures returns what measures for analytics. Run it, and close it before its producer is.
func (r role) figures(producer *eventlog.Producer, o *ops) (*figures.Book, error) {
	return figures.New(figures.Options{Publisher: producer, Logger: r.log, Registerer: o.registerer})
}

// closeFigures publishes what was measured. What it cannot is lost: figures have that much less.
func (r role) closeFigures(b *figures.Book) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		r.log.WarnContext(ctx, "figures were left at the end", "error", err)
	}
}

// clientID names this process to the services.
func (r role) clientID() string { return "chatcluster-" + r.name + "-" + r.pod }

// deviceMarks gives the gateway the cache's marks in its own words.
type deviceMarks struct{ *cache.Cache }

func (m deviceMarks) DeviceMarks(ctx context.Context, u store.User, device string, convs []store.Conv) ([]gateway.Mark, error) {
	marks, err := m.Cache.DeviceMarks(ctx, u, device, convs)
	if err != nil {
		return nil, err
	}
	out := make([]gateway.Mark, len(marks))
	for i, mark := range marks {
		out[i] = gateway.Mark(mark)
	}
	return out, nil
}

// inboxes gives the gateway the inbox's errors in its own words.
type inboxes struct {
	*inbox.Reader
	*inbox.Settings
}

func (i inboxes) List(ctx context.Context, u store.User, q rest.InboxQuery) (protocol.InboxPage, error) {
	page, err := i.Reader.List(ctx, u, inbox.Query(q))
	if errors.Is(err, inbox.ErrBadCursor) {
		return page, fmt.Errorf("%w: %w", gateway.ErrBadCursor, err)
	}
	return page, err
}
