package dev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	pinpointsdk "github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/push/pinpoint"
	"github.com/chatcluster/chatcluster/runtime/push/sink"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

// What the tokens say, and of which tenant everything is.
const (
	Tenant   = "dev"
	Issuer   = "https://issuer.dev.chatcluster.invalid"
	Audience = "chatcluster"
)

const (
	topicPrefix = "dev."
	partitions  = 4
	// hotRetention is how long the roles believe that the store keeps messages; the embedded store keeps them for good.
	hotRetention = 30 * 24 * time.Hour
	// drainPeriod is short: whoever stops it waits for it.
	drainPeriod = 500 * time.Millisecond
	loopback    = "127.0.0.1:0"
)

// Options of Start. Dir is required.
type Options struct {
	// Dir is the data folder, made where it is not.
	Dir string
	// NoSync acknowledges writes of the store before they are on disk, for data that is thrown away.
	NoSync bool
	// SinkListen is the push sink's address; any free one of the loopback when empty.
	SinkListen string
	// PushDelay is how long a device has to confirm a message: 5 s when zero.
	PushDelay time.Duration
	// Log takes what goes wrong; nil discards it.
	Log *slog.Logger
}

// Engines are what Start has started.
type Engines struct {
	// Config is the roles' configuration, but for chat.service, which only whoever starts the roles knows.
	Config config.Config
	AWS    aws.Config
	Store  *embedded.Store
	// Redis and Kafka are for faults.
	Redis *miniredis.Miniredis
	Kafka *kfake.Cluster
	// Key signs tokens.
	Key *issuer.Key
	// SinkURL shows what phones would show.
	SinkURL string

	postgres *postgres
	closers  []func() error
}

// Start starts everything. What it started is ended again when it fails.
func Start(ctx context.Context, o Options) (_ *Engines, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.PushDelay <= 0 {
		o.PushDelay = 5 * time.Second
	}
	if o.SinkListen == "" {
		o.SinkListen = loopback
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	// PostgreSQL may run as another user, who has to get through.
	if err := os.MkdirAll(o.Dir, 0o711); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	for _, private := range []string{"store", "kafka"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, private), 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
	}
	e := &Engines{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	// The store's lock comes first: it says whose the folder is.
	if e.Store, err = embedded.Open(filepath.Join(o.Dir, "store"), embedded.Options{NoSync: o.NoSync, Log: o.Log}); err != nil {
		if errors.Is(err, syscall.EAGAIN) {
			return nil, fmt.Errorf("the data folder %s is in use by another process", o.Dir)
		}
		return nil, err
	}
	e.closers = append(e.closers, e.Store.Close)
	migrated := make(chan error, 1)
	if e.postgres, err = startPostgres(ctx, o.Dir, o.Log); err != nil {
		return nil, err
	}
	e.closers = append(e.closers, e.postgres.stop)
	go func() { // ends by itself: Start waits for it
		migrated <- e.migrate(ctx, o.Log)
	}()
	err = e.startRest(ctx, o)
	if err := errors.Join(err, <-migrated); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Engines) migrate(ctx context.Context, log *slog.Logger) error {
	if err := e.postgres.ready(ctx); err != nil {
		return err
	}
	_, err := readmodel.Migrate(ctx, e.postgres.config(), log)
	return err
}

// startRest starts what is in the process.
func (e *Engines) startRest(ctx context.Context, o Options) (err error) {
	if e.Redis, err = startRedis(); err != nil {
		return err
	}
	e.closers = append(e.closers, func() error { e.Redis.Close(); return nil })
	if e.Kafka, err = startKafka(filepath.Join(o.Dir, "kafka")); err != nil {
		return err
	}
	e.closers = append(e.closers, func() error { e.Kafka.Close(); return nil })

	if e.Key, err = issuer.LoadOrCreateKey(filepath.Join(o.Dir, "issuer.key")); err != nil {
		return err
	}
	keys, err := issuer.Handler(Issuer, e.Key)
	if err != nil {
		return err
	}
	issuerAt, err := e.serve(ctx, loopback, keys)
	if err != nil {
		return err
	}
	pushes, err := sink.New(sink.Options{StatePath: filepath.Join(o.Dir, "sink.json"), Log: o.Log})
	if err != nil {
		return err
	}
	sinkAt, err := e.serve(ctx, o.SinkListen, pushes)
	if err != nil {
		return fmt.Errorf("serve the push sink: %w", err)
	}
	e.SinkURL = "http://" + sinkAt
	e.AWS = aws.Config{Region: "local", Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}
	application, err := pushApplication(ctx, pinpoint.NewClient(e.AWS, e.SinkURL))
	if err != nil {
		return err
	}
	e.Config = config.Config{
		Cluster:  "dev/dev",
		AWS:      config.AWS{Region: e.AWS.Region, Endpoints: config.Endpoints{Pinpoint: e.SinkURL}},
		Auth:     config.Auth{Issuers: []config.Issuer{{Tenant: Tenant, Issuer: Issuer, Audience: Audience, JWKSURL: "http://" + issuerAt + issuer.JWKSPath}}},
		DynamoDB: config.DynamoDB{TablePrefix: "dev-", HotRetention: config.Duration{Duration: hotRetention}},
		Kafka:    config.Kafka{Brokers: e.Kafka.ListenAddrs(), TopicPrefix: topicPrefix},
		Postgres: e.postgres.config(),
		Redis:    config.Redis{Addresses: []string{e.Redis.Addr()}, KeyPrefix: "dev:"},
		Push:     config.Push{ApplicationID: application, Delay: config.Duration{Duration: o.PushDelay}},
		Gateway:  config.Gateway{DrainPeriod: config.Duration{Duration: drainPeriod}, MaxConnections: 10_000},
	}
	return nil
}

// Watch returns nil when ctx ends, and an error when PostgreSQL ends before that.
func (e *Engines) Watch(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-e.postgres.ended:
		return fmt.Errorf("PostgreSQL has ended: %w; its log is %s", e.postgres.failure(), e.postgres.logPath)
	}
}

// Close ends everything, the last started first.
func (e *Engines) Close() error {
	var errs []error
	for i := len(e.closers) - 1; i >= 0; i-- {
		errs = append(errs, e.closers[i]())
	}
	e.closers = nil
	return errors.Join(errs...)
}

// Token mints a token for a user.
func (e *Engines) Token(user string, ttl time.Duration) (string, error) {
	return issuer.Mint(e.Key, issuer.Claims{Issuer: Issuer, Audience: Audience, User: user, TTL: ttl})
}

// AdminToken mints a token for a user who may moderate, administer and audit.
func (e *Engines) AdminToken(user string, ttl time.Duration) (string, error) {
	return issuer.Mint(e.Key, issuer.Claims{Issuer: Issuer, Audience: Audience, User: user, Scope: "chat.moderate chat.admin chat.audit", TTL: ttl})
}

// serve serves h until Close and returns where.
func (e *Engines) serve(ctx context.Context, addr string, h http.Handler) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	e.closers = append(e.closers, func() error {
		err := srv.Close()
		if s := <-served; !errors.Is(s, http.ErrServerClosed) {
			err = errors.Join(err, s)
		}
		return err
	})
	return ln.Addr().String(), nil
}

// startRedis starts a Redis whose keys expire by the clock.
func startRedis() (*miniredis.Miniredis, error) {
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true)
	if err := m.Start(); err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	return m, nil
}

// startKafka starts a Kafka that keeps its data in dir.
func startKafka(dir string) (*kfake.Cluster, error) {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DataDir(dir),
		kfake.BrokerConfigs(map[string]string{"group.consumer.heartbeat.interval.ms": "1000"}),
	}
	for _, t := range eventlog.Topics() {
		n := t.Partitions
		if n == 0 {
			n = partitions
		}
		opts = append(opts, kfake.SeedTopics(n, eventlog.FullName(topicPrefix, t.Name)))
	}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	return c, nil
}

// pushApplication returns the sink's one application, and makes it the first time.
func pushApplication(ctx context.Context, c *pinpointsdk.Client) (string, error) {
	have, err := c.GetApps(ctx, &pinpointsdk.GetAppsInput{})
	if err != nil {
		return "", fmt.Errorf("list push applications: %w", err)
	}
	if apps := have.ApplicationsResponse.Item; len(apps) > 0 {
		return aws.ToString(apps[0].Id), nil
	}
	made, err := c.CreateApp(ctx, &pinpointsdk.CreateAppInput{CreateApplicationRequest: &types.CreateApplicationRequest{Name: aws.String("dev")}})
	if err != nil {
		return "", fmt.Errorf("create the push application: %w", err)
	}
	return aws.ToString(made.ApplicationResponse.Id), nil
}
